"""How many requests a sender, a user or an address may send. A limiter that cannot be asked lets them pass.

Counted over all processes, in Redis. Flask-Limiter's decorator would count per process instead while Redis is away,
which is right for logins and nothing else, and would ask it again for every request.
"""

import time
from threading import Lock

import structlog
from limits import RateLimitItem, parse
from limits.strategies import MovingWindowRateLimiter

from opbx.breaker import Breaker
from opbx.errors import refuse
from opbx.extensions import limiter
from opbx.metrics.instruments import LIMITS_SKIPPED, RATE_LIMITED

log = structlog.get_logger()

#: Seconds between two looks at a Redis that is away: not every request is to wait for it.
PAUSE = 1.0

#: Parts of a limit of which a process takes one at a time.
SHARES = 100

#: Senders, users and addresses of whom a process has requests counted ahead.
MOST_COUNTED = 10_000

#: A limit, what it limits, and whom.
Key = tuple[RateLimitItem | str, ...]

_breaker = Breaker(PAUSE)
_lock = Lock()
_counted_ahead: dict[Key, int] = {}


def enforce(kind: str, limit: str, who: str) -> None:
    """Count one request of `who` towards its limit of this kind ("600/minute"). Refuses with 429."""
    wait = seconds_over(kind, limit, who)
    if wait is not None:
        refuse(429, "TOO_MANY_REQUESTS", f"More than {limit} for this {kind}.", retry_after=wait)


def seconds_over(kind: str, limit: str, who: str) -> int | None:
    """None while `limit` is kept, else the seconds until the next request may come."""
    counted = (parse(limit), "opbx", kind, who)
    if _take_counted(counted):
        return None
    if not _breaker.allows():
        LIMITS_SKIPPED.labels(kind).inc()
        return None
    try:
        wait = _hit(*counted)
    except Exception as error:
        LIMITS_SKIPPED.labels(kind).inc()
        if _breaker.failed():
            log.warning("requests are not limited", error=repr(error))
        return None
    if _breaker.succeeded():
        log.info("requests are limited again")
    if wait is not None:
        RATE_LIMITED.labels(kind).inc()
    return wait


def _hit(limit: RateLimitItem, *key: str) -> int | None:
    """Count one request, and a few of the next ones ahead where the limit allows that.

    Redis is asked once for a hundredth of the limit: what somebody may send is exact to that much, for each process.
    """
    window = MovingWindowRateLimiter(limiter.storage)  # `limiter.limiter` stays in memory until somebody logs in
    share = max(1, limit.amount // SHARES)
    if share > 1 and window.hit(limit, *key, cost=share):
        _count_ahead((limit, *key), share - 1)
        return None
    if window.hit(limit, *key):
        return None
    return max(1, round(window.get_window_stats(limit, *key).reset_time - time.time()))


def _take_counted(key: Key) -> bool:
    with _lock:
        ahead = _counted_ahead.pop(key, 0)
        if ahead > 1:
            _counted_ahead[key] = ahead - 1
        return ahead > 0


def _count_ahead(key: Key, more: int) -> None:
    with _lock:
        if len(_counted_ahead) >= MOST_COUNTED:
            _counted_ahead.clear()
        _counted_ahead[key] = _counted_ahead.get(key, 0) + more
