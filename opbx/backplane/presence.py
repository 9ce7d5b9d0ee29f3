"""Membership: which users a channel has, held by which connections of which node.

Joining and leaving are one script each, which also says whether the user was first or last and publishes the
member event in the same step. So a snapshot and the events after it never overlap or miss.

Who is signed in is kept in the same way: each signed-in user is the only possible member of a channel of its own,
`#online-{user}`, whose member events are the `watchlist_events` that those who watch the user get.
"""

from dataclasses import dataclass
from typing import Any, Final

import orjson

from opbx.backplane.keys import ChannelKeys, node_channels
from opbx.backplane.records import Record, channel_event
from opbx.backplane.scripts import ENROL, JOIN, LEAVE, WITHDRAW, Call, new_epoch
from opbx.pusher.messages import watchlist_events

MEMBER_ADDED: Final = "pusher_internal:member_added"
MEMBER_REMOVED: Final = "pusher_internal:member_removed"

_ONLINE: Final = "#online-"


@dataclass(frozen=True, slots=True)
class Member:
    """A user as the channel's other members see it. `info` is JSON text."""

    user_id: str
    info: str


@dataclass(frozen=True, slots=True)
class Joined:
    """The answer to a join: whether the user is new, and all members, true at `offset` of `epoch`."""

    epoch: str
    offset: int
    members: dict[str, Any]
    first: bool


class ChannelFull(Exception):
    """The channel has as many members as the application allows."""


def online_keys(app_id: str, user_id: str) -> ChannelKeys:
    """The channel whose one member is there while the user is signed in anywhere."""
    return ChannelKeys(app_id, _ONLINE + user_id)


def is_internal(channel: str) -> bool:
    """Whether no client may know of the channel."""
    return channel.startswith(_ONLINE) or not channel


def join_call(keys: ChannelKeys, node: str, socket_id: str, member: Member, *, most_members: int) -> Call:
    """The script call by which connection `socket_id` of `node` holds `member`; read its answer with `read_join`."""
    return Call(
        JOIN,
        (keys.head, keys.log, keys.members, keys.held, keys.held_by(node)),
        (keys.topic, new_epoch(), socket_id, member.user_id, member.info, most_members, _added(keys, member)),
    )


def read_join(answer: list[Any]) -> Joined:
    """Take the answer of `join_call` apart. Raises `ChannelFull`."""
    if len(answer) == 1:
        raise ChannelFull
    epoch, offset, flat, first = answer
    members = {flat[i].decode(): orjson.loads(flat[i + 1]) for i in range(0, len(flat), 2)}
    return Joined(epoch.decode(), int(offset), members, bool(first))


def leave_call(keys: ChannelKeys, node: str, socket_id: str, user_id: str) -> Call:
    """The script call by which connection `socket_id` of `node` lets go of `user_id`; 1 when that was the last."""
    return Call(
        LEAVE,
        (keys.head, keys.log, keys.members, keys.held, keys.held_by(node)),
        (keys.topic, new_epoch(), socket_id, _removed(keys, user_id)),
    )


def enrol_call(keys: ChannelKeys, node: str) -> Call:
    """To run before the first subscriber of `node` on a channel, so that a reaper finds whatever the node holds."""
    return Call(ENROL, (node_channels(node),), (keys.entry,))


def withdraw_call(keys: ChannelKeys, node: str) -> Call:
    """To run after the last subscriber of `node` on a channel has left."""
    return Call(WITHDRAW, (node_channels(node),), (keys.entry,))


def _added(keys: ChannelKeys, member: Member) -> bytes:
    if keys.channel.startswith(_ONLINE):
        return Record(watchlist_events(online=[member.user_id])).encode()
    data = {"user_id": member.user_id, "user_info": orjson.Fragment(member.info)}
    return Record(channel_event(MEMBER_ADDED, keys.channel, orjson.dumps(data).decode())).encode()


def _removed(keys: ChannelKeys, user_id: str) -> bytes:
    if keys.channel.startswith(_ONLINE):
        return Record(watchlist_events(offline=[user_id])).encode()
    return Record(channel_event(MEMBER_REMOVED, keys.channel, orjson.dumps({"user_id": user_id}).decode())).encode()
