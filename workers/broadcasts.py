"""Tasks of the queue `broadcasts`."""

from typing import Any

import structlog

from opbx.broadcasting.cursors import Cursors
from opbx.broadcasting.delivery import Deliverer
from opbx.broadcasting.publisher import open_publisher
from opbx.broadcasting.retry import Again, RetryPolicy
from opbx.broadcasting.wakes import DELIVER
from workers import app, engine, settings, wakes

log = structlog.get_logger()

deliverer = Deliverer(Cursors(engine), open_publisher(settings), max_payload=settings.relay.max_payload)
policy = RetryPolicy(settings.queue_tries)


@app.task(name=DELIVER, bind=True, max_retries=None)
def deliver(self: Any, channel: str) -> None:
    """Publish what waits on a channel, and again later what could not be published now."""
    wakes.taken(channel)
    try:
        more = deliverer.deliver(channel)
    except Exception as error:
        tried = self.request.retries + 1
        decision = policy.decide(error, tried)
        if isinstance(decision, Again):
            log.warning("delivery failed, trying again", channel=channel, tried=tried, error=repr(error))
            raise self.retry(exc=error, countdown=decision.after) from error
        log.exception("delivery failed, left to the sweeper", channel=channel, tried=tried, why=decision.reason)
        return
    if more:
        wakes.wake([channel])
