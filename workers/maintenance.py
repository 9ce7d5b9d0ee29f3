"""Tasks of the queue `maintenance`, which beat sends by its schedule (`opbx/queue.py`)."""

import structlog

from opbx.broadcasting.sweep import sweep as find_stalled
from opbx.calls.timeouts import expire_calls as end_silent_calls
from opbx.database import utcnow
from opbx.identity.revocation import create_orders, standing_orders
from opbx.metrics.instruments import CHANNELS_STALLED, TRANSITIONS
from opbx.operations.retention import prune as remove_old
from workers import app, sessions, settings, transactions, wakes

log = structlog.get_logger()

orders = create_orders(settings)


@app.task(name="maintenance.sweep")
def sweep() -> None:
    """Wake the channels whose events wait although nobody delivers them."""
    with sessions() as session:
        stalled = find_stalled(session, utcnow())
    if stalled:
        CHANNELS_STALLED.inc(len(stalled))
        log.info("waking stalled channels", count=len(stalled))
        wakes.wake(stalled)


@app.task(name="maintenance.prune")
def prune() -> None:
    """Remove what is kept no longer."""
    with sessions() as session:
        removed = remove_old(session, settings, utcnow())
    log.info("pruned", **removed)


@app.task(name="maintenance.repeat_orders")
def repeat_orders() -> None:
    """Tell the relays again whose sockets are to end, for those that did not hear it."""
    with sessions() as session:
        standing = list(standing_orders(session, utcnow()))
    orders.send(standing)


@app.task(name="maintenance.expire_calls")
def expire_calls() -> None:
    """End the calls that nobody has told anything of for too long."""
    expired = end_silent_calls(transactions, settings, utcnow())
    if expired:
        TRANSITIONS.labels("timeout", "failed").inc(expired)
        log.info("calls ended without news", count=expired)
