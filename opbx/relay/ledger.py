"""Calls of the backplane's scripts from places that may not wait: gathered, sent in order, many a round trip.

One queue for the whole node keeps the order of what a connection does (join, then leave) without any lock, and
makes a thousand joins at once cost a few round trips. While Redis is away calls wait; all of them may be repeated.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, NoReturn

import gevent
import structlog
from gevent.event import Event
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ReadOnlyError, RedisError
from redis.exceptions import TimeoutError as RedisTimeout

from opbx.backplane.scripts import Call, run

log = structlog.get_logger()

#: Calls in one round trip at most.
_BATCH = 256

#: Seconds between attempts while Redis is away.
_RETRY = 0.25

_PASSING = (RedisConnectionError, RedisTimeout, ReadOnlyError, OutOfMemoryError, OSError)

Done = Callable[[Any], None]


class Ledger:
    """The queue of calls. `done` of each is called with its answer, in a greenlet that may be switched away from."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._calls: deque[tuple[Call, Done | None]] = deque()
        self._wake = Event()
        self._in_flight = 0

    def submit(self, call: Call, done: Done | None = None) -> None:
        """Queue `call`; never waits."""
        self._calls.append((call, done))
        self._wake.set()

    @property
    def waiting(self) -> int:
        """Calls not answered yet."""
        return len(self._calls) + self._in_flight

    def run(self) -> NoReturn:
        """Send until the process ends."""
        while True:
            if not self._calls:
                self._wake.clear()
                self._wake.wait()
            batch = [self._calls.popleft() for _ in range(min(_BATCH, len(self._calls)))]
            self._in_flight = len(batch)
            for (_, done), answer in zip(batch, self._answers([call for call, _ in batch]), strict=True):
                self._in_flight -= 1
                if done is not None:
                    done(answer)

    def _answers(self, calls: list[Call]) -> list[Any]:
        """The answers of all calls, however long Redis is away; None for one that Redis refuses for good."""
        while True:
            try:
                return run(self._redis, calls)
            except _PASSING as error:
                log.warning("backplane away, calls wait", calls=len(calls), error=str(error))
                gevent.sleep(_RETRY)
            except RedisError:
                if len(calls) == 1:
                    log.exception("backplane refused a call", keys=calls[0].keys)
                    return [None]
                return [answer for call in calls for answer in self._answers([call])]
