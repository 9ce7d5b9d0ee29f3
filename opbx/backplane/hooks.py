"""The queue of webhook events: what relays saw, until the workers have taken it to send; one stream for each app.

Besides the stream an app has turns (see `Turns`): who may take from it, and who may talk to which endpoint.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, Final, cast

import orjson
from redis import Redis

from opbx.backplane.keys import ChannelKeys, app_keys
from opbx.backplane.scripts import CLAIM, CLOCK, ENQUEUE, RELEASE, Call, run

#: Events that are kept for an app, about; the oldest go when there are more.
MOST: Final = 100_000

#: Who holds the turn of an endpoint that is left in peace for a while.
_RESTING: Final = "resting"

#: Seconds after its last failure until an endpoint's failures are forgotten.
_FAILURES_LIFETIME: Final = 600


def hooks_key(app_id: str) -> str:
    """The stream of an app's webhook events."""
    return f"opbx:hooks:{app_keys(app_id).tag}"


def hook_call(app_id: str, event: Mapping[str, Any]) -> Call:
    """The script call that queues `event` with the time of now; carried out again, it queues nothing more.

    `event` is what the app is told: `name`, `channel`, and by name `user_id`, `subscription_count`,
    or for client events `event`, `data`, `socket_id` and `user_id`.
    """
    key = hooks_key(app_id)
    return Call(ENQUEUE, (key, f"{key}:{token_hex(8)}"), (orjson.dumps(event), MOST))


@dataclass(frozen=True, slots=True)
class Entry:
    """One queued event. `event` is its JSON text; the parsed fields are what decides when and where it goes."""

    id: str
    name: str
    channel: str
    user_id: str
    event: bytes

    @property
    def time_ms(self) -> int:
        """When it happened, by Redis' clock."""
        return int(self.id.partition("-")[0])

    @classmethod
    def decode(cls, entry_id: bytes, event: bytes) -> "Entry":
        fields = orjson.loads(event)
        return cls(entry_id.decode(), fields["name"], fields["channel"], fields.get("user_id") or "", event)


def now_ms(redis: Redis, app_id: str) -> int:
    """The time by which an app's events are stamped. Whatever is queued after this answer is stamped no earlier."""
    ((seconds, microseconds),) = run(redis, [Call(CLOCK, (hooks_key(app_id),), ())])
    return int(seconds) * 1000 + int(microseconds) // 1000


def waiting(redis: Redis, app_ids: Sequence[str]) -> dict[str, int]:
    """How many events are queued, of those apps that have any."""
    pipeline = redis.pipeline(transaction=False)
    for app_id in app_ids:
        pipeline.xlen(hooks_key(app_id))
    lengths = pipeline.execute() if app_ids else []
    return {app_id: length for app_id, length in zip(app_ids, lengths, strict=True) if length}


def read(redis: Redis, app_id: str, count: int, *, after: Entry | None = None) -> list[Entry]:
    """The oldest `count` events of an app, or those that follow `after`."""
    start = "-" if after is None else f"({after.id}"
    found = cast("list[Any]", redis.xrange(hooks_key(app_id), start, "+", count))
    return [Entry.decode(entry_id, fields[b"e"]) for entry_id, fields in found]


def remove(redis: Redis, app_id: str, entries: Sequence[Entry]) -> None:
    """Forget the events: they were handed on, or are not to be sent."""
    if entries:
        redis.xdel(hooks_key(app_id), *[entry.id for entry in entries])


def present(redis: Redis, app_id: str, entries: Sequence[Entry]) -> list[bool]:
    """For each entry, whether its user, or without one anybody, is on its channel now."""
    pipeline = redis.pipeline(transaction=False)
    for entry in entries:
        keys = ChannelKeys(app_id, entry.channel)
        if entry.user_id:
            pipeline.hexists(keys.members, entry.user_id)
        else:
            pipeline.hlen(keys.occupancy)
    return [bool(answer) for answer in pipeline.execute()] if entries else []


class Turns:
    """Turns of one app: at taking from its queue (`what` is empty), and at each endpoint (`what` names it).

    A turn is held by one holder at a time and ends by itself, so that whoever dies with it holds nobody up for long.
    """

    def __init__(self, redis: Redis, app_id: str) -> None:
        self._redis = redis
        self._key = hooks_key(app_id)

    def claim(self, what: str, holder: str, seconds: float) -> float:
        """Take the turn, or extend one's own. Returns 0.0, or the seconds until the present holder's turn ends."""
        (wait,) = run(self._redis, [Call(CLAIM, (self._turn(what),), (holder, int(seconds * 1000)))])
        return int(wait) / 1000

    def release(self, what: str, holder: str) -> None:
        """Give the turn back, unless it ended meanwhile."""
        run(self._redis, [Call(RELEASE, (self._turn(what),), (holder,))])

    def taken(self, whats: Sequence[str]) -> bool:
        """Whether somebody is at any of the endpoints; one that rests is free."""
        holders = cast("list[bytes | None]", self._redis.mget([self._turn(what) for what in whats]))
        return any(holder not in (None, _RESTING.encode()) for holder in holders)

    def rest(self, what: str, seconds: float) -> None:
        """Nobody gets a turn at the endpoint for a while."""
        self._redis.set(self._turn(what), _RESTING, px=max(int(seconds * 1000), 1))

    def failed(self, what: str) -> int:
        """Count a failure of the endpoint; returns how many there were since it last worked."""
        failures = self._redis.incr(self._failures(what))
        self._redis.expire(self._failures(what), _FAILURES_LIFETIME)
        return failures

    def worked(self, what: str) -> None:
        """The endpoint works: forget its failures."""
        self._redis.delete(self._failures(what))

    def _turn(self, what: str) -> str:
        return f"{self._key}:turn:{what}"

    def _failures(self, what: str) -> str:
        return f"{self._key}:failures:{what}"
