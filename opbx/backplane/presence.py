"""Presence membership: which users a channel has, held by which connections of which node.

Joining and leaving are one script each, which also says whether the user was first or last and publishes the
member event in the same step. So a snapshot and the events after it never overlap or miss.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from opbx.backplane.keys import ChannelKeys, node_channels
from opbx.backplane.records import channel_event
from opbx.backplane.scripts import ENROL, JOIN, LEAVE, WITHDRAW, Call, new_epoch

MEMBER_ADDED = "pusher_internal:member_added"
MEMBER_REMOVED = "pusher_internal:member_removed"


@dataclass(frozen=True, slots=True)
class Member:
    """A user as the channel's other members see it. `info` is JSON text."""

    user_id: str
    info: str


@dataclass(frozen=True, slots=True)
class Joined:
    """The answer to a join: all members, true at `offset` of `epoch`, the joiner included."""

    epoch: str
    offset: int
    members: dict[str, Any]


class ChannelFull(Exception):
    """The channel has as many members as the application allows."""


def join_call(keys: ChannelKeys, node: str, socket_id: str, member: Member, *, most_members: int) -> Call:
    """The script call by which connection `socket_id` of `node` holds `member`; read its answer with `read_join`."""
    info = orjson.Fragment(member.info)
    added = channel_event(
        MEMBER_ADDED, keys.channel, orjson.dumps({"user_id": member.user_id, "user_info": info}).decode()
    )
    return Call(
        JOIN,
        (keys.head, keys.log, keys.members, keys.held, keys.held_by(node)),
        (keys.topic, new_epoch(), socket_id, member.user_id, member.info, most_members, added.encode()),
    )


def read_join(answer: list[Any]) -> Joined:
    """Take the answer of `join_call` apart. Raises `ChannelFull`."""
    if len(answer) == 1:
        raise ChannelFull
    epoch, offset, flat = answer
    members = {flat[i].decode(): orjson.loads(flat[i + 1]) for i in range(0, len(flat), 2)}
    return Joined(epoch.decode(), int(offset), members)


def leave_call(keys: ChannelKeys, node: str, socket_id: str, user_id: str) -> Call:
    """The script call by which connection `socket_id` of `node` lets go of `user_id`."""
    removed = channel_event(MEMBER_REMOVED, keys.channel, orjson.dumps({"user_id": user_id}).decode())
    return Call(
        LEAVE,
        (keys.head, keys.log, keys.members, keys.held, keys.held_by(node)),
        (keys.topic, new_epoch(), socket_id, removed.encode()),
    )


def enrol_call(keys: ChannelKeys, node: str) -> Call:
    """To run before the first join of `node` on a channel, so that a reaper finds what the node holds."""
    return Call(ENROL, (node_channels(node),), (keys.entry,))


def withdraw_call(keys: ChannelKeys, node: str) -> Call:
    """To run after the last leave of `node` on a channel."""
    return Call(WITHDRAW, (node_channels(node),), (keys.entry,))
