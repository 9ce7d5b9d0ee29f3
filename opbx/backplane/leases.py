"""Which nodes live, and the reaping of members that a dead node left behind.

Every node renews its lease every second. Whoever finds a lease ended removes that node's members, one by one
with the same script as an ordinary leave: two reapers at once still give exactly one leave for each user.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from redis import Redis

from opbx.backplane.keys import NODES, node_channels, split_channel
from opbx.backplane.presence import leave_call
from opbx.backplane.scripts import LEASE, Call, run

#: Milliseconds without renewal until a node counts as dead. Renewed each second, reaped within one more.
LEASE_MS = 5000


@dataclass(frozen=True, slots=True)
class LeaseState:
    """`alive`: the node's lease had not ended before this renewal. `dead`: nodes whose members are to be reaped."""

    alive: bool
    dead: list[str]


def renew(redis: Redis, node: str) -> LeaseState:
    """Renew the lease of `node`. Not alive means that others may have reaped it: it must join its members again."""
    ((alive, dead),) = run(redis, [Call(LEASE, (NODES,), (node, LEASE_MS))])
    return LeaseState(bool(alive), [name.decode() for name in dead])


def end(redis: Redis, node: str) -> None:
    """The node has let go of all its members and goes: nobody needs to look after it."""
    redis.zrem(NODES, node)


def reap(redis: Redis, node: str) -> int:
    """Remove all members that `node` holds; return how many users thereby left. Safe to run twice or in parallel."""
    left = 0
    for entry in _channels(redis, node):
        keys = split_channel(entry)
        held = cast("dict[bytes, bytes]", redis.hgetall(keys.held_by(node)))
        calls = [leave_call(keys, node, socket.decode(), user.decode()) for socket, user in held.items()]
        if calls:
            left += sum(run(redis, calls))
        redis.srem(node_channels(node), entry)
    redis.zrem(NODES, node)
    return left


def _channels(redis: Redis, node: str) -> Iterator[str]:
    for entry in cast("set[bytes]", redis.smembers(node_channels(node))):
        yield entry.decode()
