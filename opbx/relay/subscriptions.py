"""Subscribing and leaving: from a client's request to a confirmed place on a channel.

A subscription is confirmed only after Redis has confirmed that the channel's messages arrive here, so a client
that loads a snapshot upon `subscription_succeeded` misses nothing.
"""

from collections.abc import Callable
from typing import Any

from opbx.backplane.history import Past, cached_call, read_cached, read_resume, resume_call
from opbx.backplane.presence import ChannelFull, Member, join_call, leave_call, read_join
from opbx.backplane.scripts import Call
from opbx.pusher import messages
from opbx.pusher.channels import ChannelName, Kind, ReservedNames, parse_channel
from opbx.pusher.errors import BadMessage, SubscriptionRefused
from opbx.pusher.messages import ClientMessage
from opbx.pusher.subscriptions import ChannelData, parse_channel_data, verify_auth
from opbx.relay.channel import Channel, Confirmation, Pending
from opbx.relay.connection import Connection
from opbx.relay.frames import text_frame
from opbx.relay.node import Node
from opbx.relay.tally import TALLY

_RESERVED = ReservedNames()


class Subscriptions:
    """Who is on which channel of this node."""

    def __init__(self, node: Node) -> None:
        self._node = node
        node.on_rename(self._hold_again)
        node.on_lost(self._tell_members)

    def subscribe(self, connection: Connection, message: ClientMessage) -> None:
        """Serve `pusher:subscribe`. Raises `BadMessage`."""
        data = messages.object_data(message)
        wire = messages.text_field(data, "channel")
        if not wire:
            raise BadMessage("pusher:subscribe needs a channel")
        if wire in connection.channels:
            raise BadMessage(f"Already subscribed to {wire}")
        try:
            name = self._allowed(connection, wire)
            signed = _authorize(connection, name, data)
            member = _member(connection, name, signed)
            if signed.grant is not None:
                self._node.grants.check(signed.grant)
        except SubscriptionRefused as refusal:
            connection.send_text(messages.subscription_error(wire, refusal))
            return
        if signed.grant is not None:
            self._node.grants.depend(connection, signed.grant)
        channel = self._node.channel(connection.app, wire)
        connection.channels[wire] = channel
        entry = _Entry(self, name, signed.resume)
        pending = channel.pending[connection] = Pending(connection, member, entry.proceed)
        self._node.occupancy.changed(connection.app, channel.keys)
        if channel.live:
            entry.proceed(channel, pending)

    def _allowed(self, connection: Connection, wire: str) -> ChannelName:
        """The channel's name, if this connection may ask for it at all. Raises `SubscriptionRefused`."""
        name = parse_channel(wire)
        if name is None:
            raise SubscriptionRefused("This is no valid channel name", kind="InvalidChannel", status=400)
        if connection.app.own and not _RESERVED.allow(name):
            raise SubscriptionRefused(f"{wire} is not the name under which this channel is served")
        if name.kind is Kind.USER and (connection.user is None or connection.user.id != name.logical):
            raise SubscriptionRefused(f"{wire} is for the user who is signed in under that id")
        if len(connection.channels) >= self._node.settings.max_channels_per_connection:
            TALLY.limited["channels"] += 1
            raise SubscriptionRefused("Too many channels on one connection", kind="LimitReached", status=429)
        return name

    def added(self, connection: Connection, channel: Channel, member: Member) -> None:
        """The backplane has taken in a member that was on no node before."""
        self._node.hooks.tell(connection.app, "member_added", channel.keys.channel, user_id=member.user_id)

    def refuse(self, channel: Channel, pending: Pending, refusal: SubscriptionRefused) -> None:
        """Take back a subscription that the backplane does not grant."""
        connection = pending.connection
        del channel.pending[connection]
        del connection.channels[channel.keys.channel]
        self._node.left(connection.app, channel)
        connection.send_text(messages.subscription_error(channel.keys.channel, refusal))

    def unsubscribe(self, connection: Connection, message: ClientMessage) -> None:
        """Serve `pusher:unsubscribe`; where there is no subscription, nothing happens. Raises `BadMessage`."""
        wire = messages.text_field(messages.object_data(message), "channel")
        if not wire:
            raise BadMessage("pusher:unsubscribe needs a channel")
        if parse_channel(wire) is None:
            return
        channel = connection.channels.pop(wire, None)
        if channel is not None:
            self._leave(connection, channel)

    def leave_all(self, connection: Connection) -> None:
        """The connection ends: it leaves all its channels at once."""
        channels, connection.channels = connection.channels, {}
        for channel in channels.values():
            self._leave(connection, channel)

    def _leave(self, connection: Connection, channel: Channel) -> None:
        pending = channel.pending.pop(connection, None)
        member = pending.member if pending else channel.subscribers.pop(connection, None)
        joining = pending is None or pending.missed is not None
        if member is not None and joining:
            self._let_go(connection, channel, member)
        self._node.left(connection.app, channel)

    def _let_go(self, connection: Connection, channel: Channel, member: Member) -> None:
        def left(last: Any) -> None:
            if last:
                self._node.hooks.tell(connection.app, "member_removed", channel.keys.channel, user_id=member.user_id)

        call = leave_call(channel.keys, self._node.name, connection.socket_id, member.user_id)
        self._node.ledger.submit(call, left)

    def _hold_again(self, _old: str) -> None:
        """The node has a new name: hold all members under it."""
        for channel in list(self._node.channels.values()):
            for connection, member in channel.held().items():
                self._node.ledger.submit(self.join_call(connection, channel, member, most_members=0))

    def _tell_members(self, channel: Channel) -> None:
        """The backplane has forgotten who was there, so that nobody was told who left: confirm again, with the members.

        Those who are not held again yet come after it one by one.
        """
        held = channel.held()
        if not held:
            return
        connection, member = next(iter(held.items()))

        def answered(answer: Any) -> None:
            if answer is None:
                return
            joined = read_join(answer)
            text = messages.subscription_succeeded(channel.keys.channel, joined.members)
            if not channel.place(joined.epoch, joined.offset, text):
                self._tell_members(channel)  # more has happened meanwhile

        self._node.ledger.submit(self.join_call(connection, channel, member, most_members=0), answered)

    def join_call(self, connection: Connection, channel: Channel, member: Member, *, most_members: int) -> Call:
        return join_call(channel.keys, self._node.name, connection.socket_id, member, most_members=most_members)

    def ask(self, call: Call, answered: Callable[[Any], None]) -> None:
        self._node.ledger.submit(call, answered)

    def missed(self, connection: Connection, channel: Channel) -> None:
        """A cache channel had nothing to give."""
        self._node.hooks.tell(connection.app, "cache_miss", channel.keys.channel)


class _Entry:
    """A subscription's way in once its channel is live: joining, and what the newcomer gets to begin with.

    What is asked first sets the moment at which the newcomer's picture is true; of what is asked later, only that
    which is not later than this moment belongs to it: the rest comes as ordinary messages.
    """

    def __init__(self, subscriptions: Subscriptions, name: ChannelName, resume: int | None) -> None:
        self._subscriptions = subscriptions
        self._name = name
        self._resume = resume
        self._moment: tuple[str, int] | None = None
        self._members: dict[str, Any] | None = None
        self._frames: list[bytes] = []

    def proceed(self, channel: Channel, pending: Pending) -> None:
        """Ask for what is needed, and confirm when all of it is answered."""
        calls = self._calls(channel, pending)
        if not calls:
            channel.activate(pending)
            return
        pending.missed = []
        for number, (call, take) in enumerate(calls, start=1):
            self._subscriptions.ask(call, self._taker(channel, pending, take, last=number == len(calls)))

    def _calls(self, channel: Channel, pending: Pending) -> list[tuple[Call, Callable[[Channel, Pending, Any], None]]]:
        calls: list[tuple[Call, Callable[[Channel, Pending, Any], None]]] = []
        if pending.member is not None:
            most = pending.connection.app.max_presence_members
            join = self._subscriptions.join_call(pending.connection, channel, pending.member, most_members=most)
            calls.append((join, self._take_join))
        if self._resume is not None:
            calls.append((resume_call(channel.keys, self._resume), self._take_resume))
        if self._name.cache:
            calls.append((cached_call(channel.keys), self._take_cached))
        return calls

    def _taker(
        self, channel: Channel, pending: Pending, take: Callable[[Channel, Pending, Any], None], *, last: bool
    ) -> Callable[[Any], None]:
        def answered(answer: Any) -> None:
            if channel.pending.get(pending.connection) is not pending:
                return  # it left meanwhile; its leave is behind its join in the ledger
            try:
                take(channel, pending, answer)
            except SubscriptionRefused as refusal:
                self._subscriptions.refuse(channel, pending, refusal)
                return
            if last and self._moment is not None:
                channel.confirm(pending, Confirmation(*self._moment, self._opening(channel)))

        return answered

    def _opening(self, channel: Channel) -> bytes:
        succeeded = messages.subscription_succeeded(channel.keys.channel, self._members)
        return b"".join([text_frame(succeeded), *self._frames])

    def _take_join(self, channel: Channel, pending: Pending, answer: Any) -> None:
        if answer is None:
            raise SubscriptionRefused("Presence is not available", kind="Unavailable", status=503)
        try:
            joined = read_join(answer)
        except ChannelFull as error:
            TALLY.limited["presence_members"] += 1
            raise SubscriptionRefused("The channel has all its members", kind="LimitReached", status=403) from error
        self._moment, self._members = (joined.epoch, joined.offset), joined.members
        if joined.first and pending.member is not None:
            self._subscriptions.added(pending.connection, channel, pending.member)

    def _take_resume(self, channel: Channel, pending: Pending, answer: Any) -> None:
        past = read_resume(answer) if answer is not None else None
        if past is None or past.records is None:
            self._moment = self._moment or (past.epoch if past else "", past.offset if past else 0)
            self._frames.append(text_frame(messages.resync(channel.keys.channel)))
        else:
            self._replay(past, pending.connection)

    def _take_cached(self, channel: Channel, pending: Pending, answer: Any) -> None:
        past = read_cached(answer) if answer is not None else Past("", 0, None)
        if past.records is None:
            self._moment = self._moment or (past.epoch, past.offset)
            self._frames.append(text_frame(messages.cache_miss(channel.keys.channel)))
            self._subscriptions.missed(pending.connection, channel)
        elif self._resume is None:
            self._replay(past, pending.connection)

    def _replay(self, past: Past, connection: Connection) -> None:
        self._moment = self._moment or (past.epoch, past.offset)
        for offset, record in past.records or ():
            if offset <= self._moment[1] and record.except_socket != connection.socket_id:
                self._frames.append(text_frame(record.text))


def _authorize(connection: Connection, name: ChannelName, data: dict[str, Any]) -> ChannelData:
    channel_data = messages.text_field(data, "channel_data")
    verify_auth(
        name,
        key=connection.app.key,
        secrets=connection.app.secrets,
        socket_id=connection.socket_id,
        auth=messages.text_field(data, "auth"),
        channel_data=channel_data,
    )
    return parse_channel_data(channel_data) if name.kind.guarded and channel_data is not None else ChannelData()


def _member(connection: Connection, name: ChannelName, signed: ChannelData) -> Member | None:
    """Who joins a presence channel: whom the application named, or else the user who is signed in."""
    if name.kind is not Kind.PRESENCE:
        return None
    if signed.user_id is not None:
        return Member(signed.user_id, signed.user_info)
    if connection.user is not None:
        return Member(connection.user.id, connection.user.info)
    raise SubscriptionRefused("A presence channel needs channel_data with a user_id", status=400)
