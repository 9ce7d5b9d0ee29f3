"""Signing in: who a connection is, whom it watches, and what is sent to it as that user."""

from collections import Counter
from typing import Any

from opbx.backplane.keys import ChannelKeys
from opbx.backplane.occupancy import present_call, read_present
from opbx.backplane.presence import Member, enrol_call, join_call, leave_call, online_keys, withdraw_call
from opbx.pusher import messages
from opbx.pusher.errors import BadMessage
from opbx.pusher.messages import ClientMessage
from opbx.pusher.signin import MAX_WATCHLIST, SignedIn, verify_signin
from opbx.relay.channel import Channel, Confirmation, Pending
from opbx.relay.connection import Connection
from opbx.relay.frames import text_frame
from opbx.relay.ledger import Done
from opbx.relay.node import Node


class SignIn:
    """The signed-in users of this node. Each holds the one place of its `#online-` channel."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._online: Counter[ChannelKeys] = Counter()
        node.on_rename(self._hold_again)

    def sign_in(self, connection: Connection, message: ClientMessage) -> None:
        """Serve `pusher:signin`. Raises `BadMessage`."""
        data = messages.object_data(message)
        user_data = messages.text_field(data, "user_data")
        user = verify_signin(
            key=connection.app.key,
            secrets=connection.app.secrets,
            socket_id=connection.socket_id,
            auth=messages.text_field(data, "auth"),
            user_data=user_data,
        )
        if connection.user is not None:
            if connection.user.id != user.id:
                raise BadMessage("The connection is signed in as another user")
            _welcome(connection, user, user_data)
        else:
            self._enter(connection, user, lambda _answer: _welcome(connection, user, user_data))

    def _enter(self, connection: Connection, user: SignedIn, entered: Done) -> None:
        """`entered` is called when all nodes take the user for online: what follows a success cannot overtake it."""
        connection.user = user
        self._node.grants.sign_in(connection, user.id)
        keys = online_keys(connection.app.id, user.id)
        self._online[keys] += 1
        if self._online[keys] == 1:
            self._node.ledger.submit(enrol_call(keys, self._node.name))
        self._hold(connection, keys, user, entered)
        for watched in user.watchlist:
            self._watch(connection, online_keys(connection.app.id, watched))

    def _hold(self, connection: Connection, keys: ChannelKeys, user: SignedIn, held: Done | None = None) -> None:
        member = Member(user.id, "{}")
        self._node.ledger.submit(join_call(keys, self._node.name, connection.socket_id, member, most_members=0), held)

    def _watch(self, connection: Connection, keys: ChannelKeys) -> None:
        channel = self._node.channel(connection.app, keys.channel)
        connection.channels[keys.channel] = channel
        pending = channel.pending[connection] = Pending(connection, None, self._look)
        if channel.live:
            self._look(channel, pending)

    def _look(self, channel: Channel, pending: Pending) -> None:
        """Tell how things stand with the watched user, and then every change."""
        pending.missed = []

        def looked(answer: Any) -> None:
            if answer is None or channel.pending.get(pending.connection) is not pending:
                return
            present = read_present(answer)
            user = channel.keys.channel.partition("-")[2]
            told = messages.watchlist_events(**{"online" if present.members else "offline": [user]})
            channel.confirm(pending, Confirmation(present.epoch, present.offset, text_frame(told)))

        self._node.ledger.submit(present_call(channel.keys), looked)

    def leave(self, connection: Connection) -> None:
        """The connection ends."""
        if connection.user is None:
            return
        keys = online_keys(connection.app.id, connection.user.id)
        node = self._node
        node.ledger.submit(leave_call(keys, node.name, connection.socket_id, connection.user.id))
        self._online[keys] -= 1
        if self._online[keys] <= 0:
            del self._online[keys]
            node.ledger.submit(withdraw_call(keys, node.name))

    def _hold_again(self, old: str) -> None:
        """The node has a new name: hold everybody under it, and let a reaper find what the old one may still hold."""
        for keys in self._online:
            for name in (old, self._node.name):
                self._node.ledger.submit(enrol_call(keys, name))
        for connection in self._node.connections.values():
            if connection.user is not None:
                self._hold(connection, online_keys(connection.app.id, connection.user.id), connection.user)


def _welcome(connection: Connection, user: SignedIn, user_data: str | None) -> None:
    if not connection.is_open:
        return
    connection.send_text(messages.signin_success(user_data or ""))
    if user.dropped:
        connection.send_text(
            messages.error(BadMessage(f"Only {MAX_WATCHLIST} users can be watched; {user.dropped} are not", 4302))
        )
