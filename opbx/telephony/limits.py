"""How many webhooks an organization may send; a limiter that cannot be asked lets them pass.

The limiter's decorator would count per process instead, and ask a Redis that is away again for every webhook.
"""

import time

import structlog
from limits import RateLimitItem, parse

from opbx.broadcasting.breaker import Breaker
from opbx.extensions import limiter
from opbx.metrics.instruments import LIMITS_SKIPPED, RATE_LIMITED

log = structlog.get_logger()

#: Seconds between two looks at a Redis that is away: not every webhook is to wait for it.
PAUSE = 1.0

_breaker = Breaker(PAUSE)


def seconds_over_limit(limit: str, organization_id: str) -> int | None:
    """Count one webhook. None while `limit` is kept, else the seconds until the next one may come."""
    if not _breaker.allows():
        LIMITS_SKIPPED.labels("webhooks").inc()
        return None
    try:
        wait = _hit(parse(limit), organization_id)
    except Exception as error:
        LIMITS_SKIPPED.labels("webhooks").inc()
        if _breaker.failed():
            log.warning("webhooks are not limited", error=repr(error))
        return None
    if _breaker.succeeded():
        log.info("webhooks are limited again")
    if wait is not None:
        RATE_LIMITED.labels("webhooks").inc()
    return wait


def _hit(limit: RateLimitItem, organization_id: str) -> int | None:
    key = ("opbx", "webhooks", organization_id)
    if limiter.limiter.hit(limit, *key):
        return None
    return max(1, round(limiter.limiter.get_window_stats(limit, *key).reset_time - time.time()))
