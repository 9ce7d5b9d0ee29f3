"""Subscribing and leaving: from a client's request to a confirmed place on a channel.

A subscription is confirmed only after Redis has confirmed that the channel's messages arrive here, so a client
that loads a snapshot upon `subscription_succeeded` misses nothing.
"""

from typing import Any

from opbx.backplane.presence import (
    ChannelFull,
    Member,
    enrol_call,
    join_call,
    leave_call,
    read_join,
    withdraw_call,
)
from opbx.pusher import messages
from opbx.pusher.channels import ChannelName, Kind, ReservedNames, parse_channel
from opbx.pusher.errors import BadMessage, SubscriptionRefused
from opbx.pusher.messages import ClientMessage
from opbx.pusher.subscriptions import parse_presence_data, verify_auth
from opbx.relay.channel import Channel, Pending
from opbx.relay.connection import Connection
from opbx.relay.node import Node

_RESERVED = ReservedNames()


class Subscriptions:
    """Who is on which channel of this node."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def subscribe(self, connection: Connection, message: ClientMessage) -> None:
        """Serve `pusher:subscribe`. Raises `BadMessage`."""
        data = messages.object_data(message)
        wire = messages.text_field(data, "channel")
        if not wire:
            raise BadMessage("pusher:subscribe needs a channel")
        if wire in connection.channels:
            raise BadMessage(f"Already subscribed to {wire}")
        try:
            member = self._check(connection, wire, data)
        except SubscriptionRefused as refusal:
            connection.send_text(messages.subscription_error(wire, refusal))
            return
        channel = self._node.channel(connection.app, wire)
        connection.channels[wire] = channel
        pending = channel.pending[connection] = Pending(connection, member, self._proceed)
        if channel.live:
            self._proceed(channel, pending)

    def _check(self, connection: Connection, wire: str, data: dict[str, Any]) -> Member | None:
        """Whether the subscription may be granted, and as which member. Raises `SubscriptionRefused`, `BadMessage`."""
        name = parse_channel(wire)
        if name is None:
            raise SubscriptionRefused("This is no valid channel name", kind="InvalidChannel", status=400)
        if name.cache or name.kind is Kind.USER:
            raise SubscriptionRefused("This kind of channel is not served here", kind="InvalidChannel", status=400)
        if not _RESERVED.allow(name):
            raise SubscriptionRefused(f"{wire} is not the name under which this channel is served")
        if len(connection.channels) >= self._node.settings.max_channels_per_connection:
            raise SubscriptionRefused("Too many channels on one connection", kind="LimitReached", status=429)
        return _authorize(connection, name, data)

    def _proceed(self, channel: Channel, pending: Pending) -> None:
        """The channel is live: grant the subscription, for presence after joining."""
        if pending.member is None:
            channel.activate(pending)
        else:
            self._join(channel, pending, pending.member)

    def _join(self, channel: Channel, pending: Pending, member: Member) -> None:
        connection, node = pending.connection, self._node
        pending.missed = []

        def joined(answer: Any) -> None:
            if channel.pending.get(connection) is not pending:
                return  # it left meanwhile; its leave is behind its join in the ledger
            if answer is None:
                self._withdraw(channel, connection, "Presence is not available", "Unavailable", 503)
                return
            try:
                channel.join(pending, read_join(answer))
            except ChannelFull:
                self._withdraw(channel, connection, "The channel has all its members", "LimitReached", 403)

        node.ledger.submit(enrol_call(channel.keys, node.name))
        node.ledger.submit(
            join_call(
                channel.keys, node.name, connection.socket_id, member, most_members=connection.app.max_presence_members
            ),
            joined,
        )

    def _withdraw(self, channel: Channel, connection: Connection, error: str, kind: str, status: int) -> None:
        del channel.pending[connection]
        del connection.channels[channel.keys.channel]
        self._node.forget_unused(channel)
        refusal = SubscriptionRefused(error, kind=kind, status=status)
        connection.send_text(messages.subscription_error(channel.keys.channel, refusal))

    def unsubscribe(self, connection: Connection, message: ClientMessage) -> None:
        """Serve `pusher:unsubscribe`; where there is no subscription, nothing happens. Raises `BadMessage`."""
        wire = messages.text_field(messages.object_data(message), "channel")
        if not wire:
            raise BadMessage("pusher:unsubscribe needs a channel")
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
            node = self._node
            node.ledger.submit(leave_call(channel.keys, node.name, connection.socket_id, member.user_id))
            if channel.unused:
                node.ledger.submit(withdraw_call(channel.keys, node.name))
        self._node.forget_unused(channel)


def _authorize(connection: Connection, name: ChannelName, data: dict[str, Any]) -> Member | None:
    app, channel_data = connection.app, messages.text_field(data, "channel_data")
    verify_auth(
        name,
        key=app.key,
        secret=app.secret,
        socket_id=connection.socket_id,
        auth=messages.text_field(data, "auth"),
        channel_data=channel_data,
    )
    if name.kind is not Kind.PRESENCE:
        return None
    presence = parse_presence_data(channel_data)
    return Member(presence.user_id, presence.user_info)
