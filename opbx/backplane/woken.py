"""The channels that were woken and wait for a worker, and the mark of the task that takes them or is on its way."""

from collections.abc import Mapping

from redis import Redis

from opbx.backplane.scripts import TAKE_WOKEN, Call, run

#: Channel to trail. Both keys share a hash tag, for Redis Cluster.
WOKEN = "opbx:{woken}"
MARK = "opbx:{woken}:mark"


def note(redis: Redis, trails: Mapping[str, str], lifetime: int) -> bool:
    """Note channels with their trails; whether a task is to be queued, since none is marked as waiting.

    The mark that is set then lives for `lifetime` milliseconds. Raises `RedisError`.
    """
    pipeline = redis.pipeline(transaction=False)
    if trails:
        pipeline.hset(WOKEN, items=[part for entry in trails.items() for part in entry])
    pipeline.set(MARK, 1, nx=True, px=lifetime)
    return bool(pipeline.execute()[-1])


def waiting(redis: Redis) -> int:
    """How many channels are noted that no task has taken. Raises `RedisError`."""
    return int(redis.hlen(WOKEN))


def take(redis: Redis, most: int, lifetime: int) -> tuple[dict[str, str], int]:
    """Take up to `most` channels; those, and how many are left. Raises `RedisError`.

    The mark goes where none was noted, and else lives for another `lifetime` milliseconds.
    """
    ((left, taken),) = run(redis, [Call(TAKE_WOKEN, (WOKEN, MARK), (most, lifetime))])
    names = [part.decode() for part in taken]
    return dict(zip(names[::2], names[1::2], strict=True)), int(left)
