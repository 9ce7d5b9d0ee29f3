"""How many subscribers and connections there are over all nodes, and what the HTTP API tells of it."""

from dataclasses import dataclass
from typing import Any, cast

from redis import Redis

from opbx.backplane.keys import NODES, ChannelKeys, bucket, connections, node_channels, split_channel
from opbx.backplane.presence import is_internal
from opbx.backplane.records import Record
from opbx.backplane.scripts import ADMIT, OCCUPY, PRESENT, TAKE, Call, new_epoch
from opbx.pusher.messages import subscription_count


@dataclass(frozen=True, slots=True)
class Occupied:
    """Subscribers over all nodes before and after a report; `tell_later` asks for another report in 5 s."""

    before: int
    after: int
    tell_later: bool


def occupy_call(keys: ChannelKeys, node: str, subscribers: int, *, tell: bool) -> Call:
    """The script call that reports a node's subscribers; `tell` publishes the new total to all of them."""
    arguments: list[str | bytes | int] = [keys.topic, new_epoch(), node, subscribers]
    if tell:
        before, after = subscription_count(keys.channel)
        arguments += [Record(before).encode(), after]
    return Call(OCCUPY, (keys.head, keys.log, keys.occupancy, keys.count_hold), tuple(arguments))


def read_occupied(answer: list[int]) -> Occupied:
    before, after, later = answer
    return Occupied(before, after, bool(later))


def admit_call(app_id: str, node: str, held: int, wanted: int, most: int) -> Call:
    """The script call by which a node with `held` connections asks for `wanted` more, of `most` over all nodes.

    It answers how many it may have. Asked again with the same numbers it counts them once.
    """
    return Call(ADMIT, (connections(app_id),), (node, held, wanted, most))


def take_call(app_id: str, kind: str, tokens: int, rate: int) -> Call:
    """The script call that takes `tokens` of `rate` a second; read its answer with `read_taken`."""
    return Call(TAKE, (bucket(app_id, kind),), (tokens, rate))


@dataclass(frozen=True, slots=True)
class Taken:
    """`granted` or not, what is left, and after how many milliseconds there will be enough."""

    granted: bool
    left: int
    wait_ms: int


def read_taken(answer: list[int]) -> Taken:
    granted, left, wait = answer
    return Taken(bool(granted), left, wait)


@dataclass(frozen=True, slots=True)
class Present:
    """Members of a channel, true at `offset` of `epoch`."""

    epoch: str
    offset: int
    members: int


def present_call(keys: ChannelKeys) -> Call:
    """The script call that counts a channel's members; read its answer with `read_present`."""
    return Call(PRESENT, (keys.head, keys.members), ())


def read_present(answer: list[Any]) -> Present:
    epoch, offset, members = answer
    return Present(epoch.decode(), offset, members)


@dataclass(frozen=True, slots=True)
class ChannelState:
    """What the HTTP API tells of a channel. `cached` is the text of the message kept for newcomers."""

    subscribers: int
    members: int
    cached: bytes | None


def channels(redis: Redis, app_id: str, prefix: str) -> list[str]:
    """The channels of an app that have subscribers on any node, by name."""
    nodes = cast("list[bytes]", redis.zrange(NODES, 0, -1))
    pipeline = redis.pipeline(transaction=False)
    for node in nodes:
        pipeline.smembers(node_channels(node.decode()))
    entries = {entry.decode() for found in pipeline.execute() for entry in found} if nodes else set()
    of_app = (split_channel(entry) for entry in entries)
    names = (k.channel for k in of_app if k.app_id == app_id and not is_internal(k.channel))
    return sorted(name for name in names if name.startswith(prefix))


def states(redis: Redis, app_id: str, names: list[str]) -> dict[str, ChannelState]:
    """The state of each channel, in one round trip."""
    if not names:
        return {}
    pipeline = redis.pipeline(transaction=False)
    for name in names:
        keys = ChannelKeys(app_id, name)
        pipeline.hvals(keys.occupancy)
        pipeline.hlen(keys.members)
        pipeline.hget(keys.cache, "record")
    answers = pipeline.execute()
    return {
        name: _state(*answers[3 * number : 3 * number + 3]) for number, name in enumerate(names)
    }  # fmt: skip


def _state(counts: list[bytes], members: int, record: bytes | None) -> ChannelState:
    cached = Record.decode(record).text if record is not None else None
    return ChannelState(sum(map(int, counts)), members, cached)


def users(redis: Redis, app_id: str, channel: str) -> list[str]:
    """The ids of a presence channel's members."""
    found = cast("list[bytes]", redis.hkeys(ChannelKeys(app_id, channel).members))
    return sorted(user.decode() for user in found)
