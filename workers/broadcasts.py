"""Tasks of the queue `broadcasts`."""

from threading import Event
from typing import Any

import structlog
from celery.signals import worker_shutting_down

from opbx.broadcasting.cursors import Cursors
from opbx.broadcasting.delivery import Deliverer
from opbx.broadcasting.publisher import open_publisher
from opbx.broadcasting.retry import PERMANENT, Again, RetryPolicy
from opbx.broadcasting.wakes import DELIVER
from opbx.metrics.instruments import DELIVERIES_FAILED
from workers import app, engine, settings, wakes

log = structlog.get_logger()

deliverer = Deliverer(Cursors(engine), open_publisher(settings), max_payload=settings.relay.max_payload)
policy = RetryPolicy(settings.queue_tries)
leaving = Event()


@worker_shutting_down.connect
def _leave(**_: Any) -> None:
    leaving.set()


@app.task(name=DELIVER, bind=True, max_retries=None)
def deliver(self: Any, channels: dict[str, str] | None = None) -> None:
    """Publish what waits on the channels that were woken, or on those that could not be delivered before."""
    taken = channels
    try:
        for taken in wakes.rounds(leaving.is_set) if channels is None else (channels,):
            _deliver(taken)
    except Exception as error:
        tried, names = self.request.retries + 1, list(taken or ())
        decision = policy.decide(error, tried)
        if isinstance(decision, Again):
            log.warning("delivery failed, trying again", channels=names, tried=tried, error=repr(error))
            raise self.retry(args=(taken,), exc=error, countdown=decision.after) from error
        DELIVERIES_FAILED.labels(decision.reason).inc()
        log.exception("delivery failed, left to the sweeper", channels=names, tried=tried, why=decision.reason)


def _deliver(channels: dict[str, str]) -> None:
    delivered = deliverer.deliver(channels)
    for channel, why in delivered.broken.items():
        DELIVERIES_FAILED.labels(PERMANENT).inc()
        log.error("delivery failed, left to the sweeper", channel=channel, exc_info=why)
    if delivered.again:
        wakes.wake(delivered.again)
