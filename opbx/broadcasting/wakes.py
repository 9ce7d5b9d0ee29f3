"""Waking channels: noting their names, and putting a task on the queue that delivers what was noted.

Names are noted in Redis, with the trail of who woke them last. A mark says that a task is on its way, or at work: it
takes what is noted round by round until nothing is, so that meanwhile nobody needs to queue another. With one event at
a time that is a task and a round for each, under a backlog it is many channels a round.

A wake is only a hint and may be lost: the sweeper finds every channel that has waited too long. So waking
never raises, and never holds up for long the request whose change it follows.
"""

from collections.abc import Callable, Collection, Iterator

import structlog
from celery import Celery
from flask import Flask
from redis import Redis

from opbx import trail
from opbx.backplane import woken
from opbx.backplane.connection import connect
from opbx.breaker import Breaker
from opbx.broadcasting.outbox import wake_after_commit
from opbx.metrics.instruments import WAKES_FAILED
from opbx.queue import create_queue
from opbx.settings import Settings

log = structlog.get_logger()

DELIVER = "broadcasts.deliver"

#: Milliseconds for which the mark holds back other tasks. It is renewed with each round: it only runs out when a round
#: takes longer, when the broker lost the task, or when its worker died or froze; then the next wake queues another one.
MARK_LIFETIME = 200

#: Channels of one round. Where more wait when a task begins, it calls another one to help, in another worker maybe.
TAKEN = 32

#: Rounds after which a task gives way to what else waits in its queue.
ROUNDS = 50

#: Seconds between two looks at a broker that is away.
PAUSE = 1.0

#: A hung Redis makes a request wait for at most two answers of one and three of the other (each client
#: reconnects once); a third of what the request may wait keeps the usual case below it, and both below a second.
SHARE = 1 / 3


class Wakes:
    """Wakes channels, and hands them to the task that delivers."""

    def __init__(self, redis: Redis, queue: Celery, breaker: Breaker | None = None) -> None:
        self._redis = redis
        self._queue = queue
        self._breaker = breaker or Breaker(PAUSE)

    def wake(self, channels: Collection[str]) -> None:
        """Have the channels delivered. Never raises."""
        self._queue_task(lambda: woken.note(self._redis, dict.fromkeys(channels, trail.current()), MARK_LIFETIME))

    def rounds(self, leaving: Callable[[], bool] = lambda: False) -> Iterator[dict[str, str]]:
        """For a task: the channels that are to be delivered, with their trails, until none is noted any more.

        Each round is taken before anything of it is read, so that what is committed later is noted anew. A worker that
        is `leaving` takes no more, and another task goes on elsewhere. Raises `RedisError`.
        """
        for number in range(ROUNDS):
            if leaving():
                break
            taken, left = woken.take(self._redis, TAKEN, MARK_LIFETIME)
            if not taken:
                return
            if left and not number:
                self._queue_task(lambda: True)
            yield taken
        self._queue_task(lambda: True)

    def _queue_task(self, needed: Callable[[], bool]) -> None:
        """Queue a task if it turns out to be needed. Never raises."""
        if not self._breaker.allows():
            WAKES_FAILED.inc()
            return
        try:
            if needed():
                self._queue.send_task(DELIVER)
        except Exception as error:
            WAKES_FAILED.inc()
            if self._breaker.failed():
                log.warning("channels cannot be woken, the sweeper will deliver", error=repr(error))
        else:
            if self._breaker.succeeded():
                log.info("channels can be woken again")


def create_wakes(settings: Settings, queue: Celery) -> Wakes:
    """Wakes that wait no longer than `settings.redis_timeout` for Redis."""
    return Wakes(connect(settings.redis_url, timeout=settings.redis_timeout * SHARE), queue)


def init_broadcasting(app: Flask) -> None:
    """Make the commits of the application's transactions wake the channels that they broadcast to."""
    settings: Settings = app.config["OPBX"]
    queue = create_queue(settings, timeout=settings.redis_timeout * SHARE)
    app.extensions["opbx_queue"] = queue
    app.extensions["opbx_wakes"] = create_wakes(settings, queue)

    def wake(channels: list[str]) -> None:
        wakes: Wakes = app.extensions["opbx_wakes"]
        wakes.wake(channels)

    wake_after_commit(app.extensions["opbx_transactions"], wake)
