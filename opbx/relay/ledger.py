"""Calls of the backplane's scripts from places that may not wait: gathered, sent in order, many a round trip.

One queue for the whole node keeps the order of what a connection does (join, then leave) without any lock, and
makes a thousand joins at once cost a few round trips. While Redis is away calls wait; all of them may be repeated.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import gevent
import structlog
from gevent.event import Event
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ReadOnlyError, RedisError
from redis.exceptions import TimeoutError as RedisTimeout

from opbx.backplane.connection import reserve
from opbx.backplane.scripts import Call, run

log = structlog.get_logger()

#: Calls in one round trip at most.
_BATCH = 256

#: Seconds between attempts while Redis is away.
_RETRY = 0.25

_PASSING = (RedisConnectionError, RedisTimeout, ReadOnlyError, OutOfMemoryError, OSError)

Done = Callable[[Any], None]


@dataclass(slots=True)
class _Entry:
    call: Call
    done: Done | None
    patient: bool


class Ledger:
    """The queue of calls. `done` of each is called with its answer, in a greenlet that may be switched away from."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._connection = reserve(redis)
        self._calls: deque[_Entry] = deque()
        self._wake = Event()
        self._in_flight = 0
        self._away = False

    def submit(self, call: Call, done: Done | None = None, *, patient: bool = True) -> None:
        """Queue `call`; never waits. One that is not `patient` is given up when Redis is away, answered with None."""
        self._calls.append(_Entry(call, done, patient))
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
            self._carry_out(batch)
            self._in_flight = 0

    def _carry_out(self, batch: list[_Entry]) -> None:
        """Have every call answered, however long Redis is away; None for one that Redis refuses for good."""
        while batch:
            try:
                answers = run(self._redis, [entry.call for entry in batch], self._connection)
            except _PASSING as error:
                if not self._away:  # once an outage
                    log.warning("backplane away, calls wait", calls=len(batch), error=str(error))
                self._away = True
                self._answer([entry for entry in batch if not entry.patient])
                batch = [entry for entry in batch if entry.patient]
                gevent.sleep(_RETRY)
            except RedisError:
                if len(batch) > 1:
                    for entry in batch:
                        self._carry_out([entry])
                    return
                log.exception("backplane refused a call", keys=batch[0].call.keys)
                self._answer(batch)
                return
            else:
                self._away = False
                self._answer(batch, answers)
                return

    def _answer(self, batch: list[_Entry], answers: list[Any] | None = None) -> None:
        for number, entry in enumerate(batch):
            self._in_flight -= 1
            if entry.done is None:
                continue
            try:
                entry.done(answers[number] if answers else None)
            except Exception:
                log.exception("an answer could not be used", keys=entry.call.keys)
