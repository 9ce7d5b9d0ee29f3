"""Tasks of the queue `maintenance`, which beat sends by its schedule (`opbx/queue.py`)."""

import structlog

from opbx.broadcasting.sweep import prune as prune_events
from opbx.broadcasting.sweep import sweep as find_stalled
from opbx.database import utcnow
from workers import app, sessions, wakes

log = structlog.get_logger()


@app.task(name="maintenance.sweep")
def sweep() -> None:
    """Wake the channels whose events wait although nobody delivers them."""
    with sessions() as session:
        stalled = find_stalled(session, utcnow())
    if stalled:
        log.info("waking stalled channels", count=len(stalled))
        wakes.wake(stalled)


@app.task(name="maintenance.prune")
def prune() -> None:
    """Remove what is older than its retention."""
    with sessions() as session:
        removed = prune_events(session, utcnow())
    log.info("pruned", events=removed)
