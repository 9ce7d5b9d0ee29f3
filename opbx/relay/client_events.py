"""Events from one client to the others of a channel.

Source: the protocol's section "Channels", client events.
"""

from typing import Any

import orjson

from opbx.backplane.publisher import Message, publish_call
from opbx.pusher.channels import Kind, parse_channel
from opbx.pusher.errors import BadMessage
from opbx.pusher.messages import ClientMessage
from opbx.relay.connection import Connection
from opbx.relay.hooks import Hooks
from opbx.relay.ledger import Ledger
from opbx.relay.limits import Bucket
from opbx.relay.tally import TALLY

PREFIX = "client-"


class ClientEvents:
    """Passes clients' events on, within each connection's rate."""

    def __init__(self, ledger: Ledger, hooks: Hooks) -> None:
        self._ledger = ledger
        self._hooks = hooks

    def pass_on(self, connection: Connection, message: ClientMessage) -> None:
        """Serve `client-…`. Raises `BadMessage`."""
        app, channel = connection.app, message.channel
        if not app.client_events:
            raise BadMessage("Client events are not enabled for this app", 4301)
        if channel is None:
            raise BadMessage("A client event needs a channel")
        name = parse_channel(channel)
        if name is None or name.kind not in {Kind.PRIVATE, Kind.PRESENCE}:
            raise BadMessage("Client events are for private and presence channels")
        joined = connection.channels.get(channel)
        if joined is None or connection not in joined.subscribers:
            raise BadMessage(f"The connection is not subscribed to {channel}")
        data = _text(message.data)
        if len(data.encode("utf-8", "surrogatepass")) > app.max_payload:
            raise BadMessage(f"The data is larger than {app.max_payload} bytes")
        if connection.talk is None:
            connection.talk = Bucket(app.max_client_events_per_second)
        if app.max_client_events_per_second >= 0 and not connection.talk.take():
            TALLY.limited["client_events"] += 1
            raise BadMessage(f"More than {app.max_client_events_per_second} client events in a second", 4301)

        member = joined.subscribers[connection]
        user_id = member.user_id if member else None
        event = Message(message.event, data, except_socket=connection.socket_id, user_id=user_id)
        self._ledger.submit(publish_call(app.id, channel, [event]))
        who = {} if user_id is None else {"user_id": user_id}
        details: dict[str, Any] = {"event": message.event, "data": data, "socket_id": connection.socket_id, **who}
        self._hooks.tell(app, "client_event", channel, **details)


def _text(data: Any) -> str:
    """`data` as every event carries it: text."""
    return data if isinstance(data, str) else orjson.dumps(data).decode()
