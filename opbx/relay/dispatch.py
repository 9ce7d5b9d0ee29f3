"""What a client's message leads to: one table from event names to verbs."""

from collections.abc import Callable

import structlog

from opbx.pusher import messages
from opbx.pusher.errors import BadMessage, Closing
from opbx.pusher.messages import ClientMessage
from opbx.relay.client_events import PREFIX, ClientEvents
from opbx.relay.connection import Connection
from opbx.relay.node import Node
from opbx.relay.signin import SignIn
from opbx.relay.subscriptions import Subscriptions

log = structlog.get_logger()


class InternalError(Closing):
    """RFC 6455, section 7.4.1. Clients connect again after a second."""

    code = 1011
    reason = "Something went wrong here"


class Dispatch:
    """Acts on what connections bring (`connection.Handler`)."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._subscriptions = subscriptions = Subscriptions(node)
        self._sign_in = sign_in = SignIn(node)
        self._client_events = ClientEvents(node.ledger, node.hooks)
        self.send_buffer = node.settings.send_buffer
        self.max_frame = node.settings.max_frame
        self.max_messages_per_second = node.settings.max_messages_per_second
        self._verbs: dict[str, Callable[[Connection, ClientMessage], None]] = {
            "pusher:ping": self._ping,
            "pusher:pong": self._pong,
            "pusher:subscribe": subscriptions.subscribe,
            "pusher:unsubscribe": subscriptions.unsubscribe,
            "pusher:signin": sign_in.sign_in,
        }

    def message(self, connection: Connection, text: str) -> None:
        try:
            message = messages.parse_message(text)
            self._verbs.get(message.event, self._other)(connection, message)
        except BadMessage as problem:
            connection.send_text(messages.error(problem))
        except Exception:
            # No frame that a client can send may stop the process: the loop above has nobody else to catch this.
            log.exception("message failed", socket_id=connection.socket_id)
            connection.close(InternalError())

    def closed(self, connection: Connection) -> None:
        self._subscriptions.leave_all(connection)
        self._sign_in.leave(connection)
        self._node.dismiss(connection)

    def gone(self, connection: Connection) -> None:
        self._node.lingering.discard(connection)

    def _ping(self, connection: Connection, _message: ClientMessage) -> None:
        connection.send_text(messages.PONG)

    def _pong(self, _connection: Connection, _message: ClientMessage) -> None:
        """Any frame counts as life; there is nothing more to a pong."""

    def _other(self, connection: Connection, message: ClientMessage) -> None:
        if not message.event.startswith(PREFIX):
            raise BadMessage(f"There is no event {message.event[:60]!r} that clients may send")
        self._client_events.pass_on(connection, message)
