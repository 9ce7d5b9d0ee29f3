"""Waking channels: noting their names, and putting a task on the queue that delivers what was noted.

Names are noted in Redis, with the trail of who woke them last. While a task waits in the queue, no second one is put
there, and the one takes whatever was noted until it runs: with one event at a time that is one channel, under a backlog
it is many.

A wake is only a hint and may be lost: the sweeper finds every channel that has waited too long. So waking
never raises, and never holds up for long the request whose change it follows.
"""

from collections.abc import Collection

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

#: Milliseconds that the mark of a waiting task may outlive it: when the broker lost it, or when a worker took it and
#: died or froze. Until then nobody is woken, but a backlog of another task each so often is none.
MARK_LIFETIME = 200

#: Channels that one task takes. The next task takes the next ones, in another worker where there is one.
TAKEN = 32

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
        if not self._breaker.allows():
            WAKES_FAILED.inc()
            return
        try:
            if woken.note(self._redis, dict.fromkeys(channels, trail.current()), MARK_LIFETIME):
                self._queue.send_task(DELIVER)
        except Exception as error:
            WAKES_FAILED.inc()
            if self._breaker.failed():
                log.warning("channels cannot be woken, the sweeper will deliver", error=repr(error))
        else:
            if self._breaker.succeeded():
                log.info("channels can be woken again")

    def take(self) -> dict[str, str]:
        """The channels that are to be delivered, with their trails, for the task that delivers them.

        It is called before anything is read: who notes a channel from now on queues a task for it. Raises `RedisError`.
        """
        taken, left = woken.take(self._redis, TAKEN)
        if left:
            self.wake(())
        return taken


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
