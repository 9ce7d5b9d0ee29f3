"""Which nodes live, and the reaping of members that a dead node left behind.

Every node renews its lease every second. Whoever finds a lease ended removes that node's members, one by one
with the same script as an ordinary leave: two reapers at once still give exactly one leave for each user.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from redis import Redis

from opbx.backplane.cluster import as_cluster
from opbx.backplane.connection import run_id_of
from opbx.backplane.keys import NODES, ChannelKeys, connections, node_channels, split_channel
from opbx.backplane.occupancy import occupy_call, read_occupied
from opbx.backplane.presence import leave_call
from opbx.backplane.scripts import CLOCK, LEASE, Call, run

#: Milliseconds without renewal until a node counts as dead. Renewed each second, reaped within one more.
LEASE_MS = 5000


@dataclass(frozen=True, slots=True)
class LeaseState:
    """`alive`: the node's lease had not ended before this renewal. `dead`: nodes whose members are to be reaped.

    `server` is the Redis that was asked, another name after each of its starts; of a cluster it names all masters.
    """

    alive: bool
    dead: list[str]
    server: str


def renew(redis: Redis, node: str) -> LeaseState:
    """Renew the lease of `node`. Not alive means that others may have reaped it: it must join its members again.

    So must it where the server is another one than before: that may know less, or still hold who has left since.
    """
    ((alive, dead, info),) = run(redis, [Call(LEASE, (NODES,), (node, LEASE_MS))])
    cluster = as_cluster(redis)
    server = run_id_of(info) if cluster is None else cluster.masters()
    return LeaseState(bool(alive), [name.decode() for name in dead], server)


def alive(redis: Redis) -> int:
    """How many nodes have a lease that has not ended, by the clock of the server that holds them."""
    ((seconds, microseconds),) = run(redis, [Call(CLOCK, (NODES,), ())])
    return redis.zcount(NODES, int(seconds) * 1000 + int(microseconds) // 1000, "+inf")


def end(redis: Redis, node: str) -> None:
    """The node has let go of all its members and goes: nobody needs to look after it."""
    redis.zrem(NODES, node)


#: Who is told what a reaped node's end meant: the webhook event, its channel, and its user where it has one.
Told = Callable[[str, ChannelKeys, str], None]


def reap(redis: Redis, node: str, told: Told) -> None:
    """Remove everything that `node` holds. Safe to run twice or in parallel: each end is told once."""
    for entry in sorted(cast("set[bytes]", redis.smembers(node_channels(node)))):
        keys = split_channel(entry.decode())
        if keys.channel:
            _reap_channel(redis, node, keys, told)
        else:
            redis.hdel(connections(keys.app_id), node)
        redis.srem(node_channels(node), entry)
    redis.zrem(NODES, node)


def _reap_channel(redis: Redis, node: str, keys: ChannelKeys, told: Told) -> None:
    held = cast("dict[bytes, bytes]", redis.hgetall(keys.held_by(node)))
    users = [user.decode() for user in held.values()]
    calls = [leave_call(keys, node, socket.decode(), user) for socket, user in zip(held, users, strict=True)]
    *left, occupied = run(redis, [*calls, occupy_call(keys, node, 0, tell=False)])
    for user, last in zip(users, left, strict=True):
        if last:
            told("member_removed", keys, user)
    count = read_occupied(occupied)
    if count.before > 0 and count.after == 0:
        told("channel_vacated", keys, "")
