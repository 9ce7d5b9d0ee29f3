"""Waking a channel: putting its name on the queue, so that a worker delivers what the outbox holds.

A wake is only a hint and may be lost: the sweeper finds every channel that has waited too long. So waking
never raises, and never holds up for long the request whose change it follows.
"""

from collections.abc import Iterable

import structlog
from celery import Celery
from flask import Flask, current_app
from redis import Redis

from opbx.backplane.connection import connect
from opbx.broadcasting.breaker import Breaker
from opbx.broadcasting.outbox import wake_after_commit
from opbx.extensions import db
from opbx.metrics.instruments import WAKES_FAILED
from opbx.queue import create_queue
from opbx.settings import Settings

log = structlog.get_logger()

DELIVER = "broadcasts.deliver"

#: Seconds that a mark may outlive its task, when the broker lost the task or a process died between the two.
MARK_LIFETIME = 5

#: Seconds between two looks at a broker that is away.
PAUSE = 1.0

#: A hung Redis makes a request wait for at most two answers of one and three of the other (each client
#: reconnects once); a third of what the request may wait keeps the usual case below it, and both below a second.
SHARE = 1 / 3


class Wakes:
    """Wakes channels; while a wake of a channel waits in the queue, no second one is put there."""

    def __init__(self, redis: Redis, queue: Celery, breaker: Breaker | None = None) -> None:
        self._redis = redis
        self._queue = queue
        self._breaker = breaker or Breaker(PAUSE)

    def wake(self, channels: Iterable[str]) -> None:
        """Queue the delivery of each channel, unless it is queued already. Never raises."""
        if not self._breaker.allows():
            WAKES_FAILED.inc()
            return
        try:
            for channel in self._mark(sorted(channels)):
                self._queue.send_task(DELIVER, args=(channel,))
        except Exception as error:
            WAKES_FAILED.inc()
            if self._breaker.failed():
                log.warning("channels cannot be woken, the sweeper will deliver", error=repr(error))
        else:
            if self._breaker.succeeded():
                log.info("channels can be woken again")

    def taken(self, channel: str) -> None:
        """Say that the task runs. It must come before the task reads: what is committed later is woken anew."""
        try:
            self._redis.delete(_mark(channel))
        except Exception as error:  # the mark's lifetime removes it as well
            log.debug("the mark of a wake stays until it expires", channel=channel, error=repr(error))

    def _mark(self, channels: list[str]) -> list[str]:
        """Mark the channels as queued, in one round trip; return those that were not."""
        pipeline = self._redis.pipeline(transaction=False)
        for channel in channels:
            pipeline.set(_mark(channel), 1, nx=True, ex=MARK_LIFETIME)
        return [channel for channel, new in zip(channels, pipeline.execute(), strict=True) if new]


def _mark(channel: str) -> str:
    return f"opbx:wake:{channel}"


def create_wakes(settings: Settings, queue: Celery) -> Wakes:
    """Wakes that wait no longer than `settings.redis_timeout` for Redis."""
    return Wakes(connect(settings.redis_url, timeout=settings.redis_timeout * SHARE), queue)


def init_broadcasting(app: Flask) -> None:
    """Make the commits of `db.session` in `app` wake the channels that they broadcast to."""
    settings: Settings = app.config["OPBX"]
    queue = create_queue(settings, timeout=settings.redis_timeout * SHARE)
    app.extensions["opbx_queue"] = queue
    app.extensions["opbx_wakes"] = create_wakes(settings, queue)


def _wake_from_app(channels: list[str]) -> None:
    wakes: Wakes | None = current_app.extensions.get("opbx_wakes")
    if wakes is not None:
        wakes.wake(channels)


# Once for the process, not in `init_broadcasting`: the session is shared by all applications of the process.
wake_after_commit(db.session, _wake_from_app)
