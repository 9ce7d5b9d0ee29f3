"""How long rows are kept that nobody needs for ever, and their removal in batches.

It stands above all features, since each has such rows: workers ask here and need not know them.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from opbx.broadcasting import sweep
from opbx.database import AnySession, write_transaction
from opbx.identity import audit, tokens
from opbx.telephony import receipts

#: Removes at most so many rows from before a moment, and returns how many there were; the caller commits.
Prune = Callable[[AnySession, datetime, int], int]

#: For each kind of row its age at removal: since it was made, of tokens since they expired.
KEPT: dict[str, tuple[timedelta, Prune]] = {
    "events": (timedelta(days=7), sweep.prune),
    "receipts": (timedelta(days=7), receipts.prune),
    "tokens": (timedelta(days=30), tokens.prune),
    "audit": (timedelta(days=365), audit.prune),
}

#: Rows of one transaction: SQLite's other writers never wait for long.
BATCH = 500

#: Seconds for one kind of row in one run, an hour apart. What is left over is removed by the next one.
BUDGET = 10.0


def prune(session: AnySession, now: datetime) -> dict[str, int]:
    """Remove what is older than it is kept; return how many rows of each kind."""
    return {name: _prune(session, remove, now - age) for name, (age, remove) in KEPT.items()}


def _prune(session: AnySession, remove: Prune, before: datetime) -> int:
    removed, deadline = 0, time.monotonic() + BUDGET
    while True:
        with write_transaction(session):
            count = remove(session, before, BATCH)
        removed += count
        if count < BATCH or time.monotonic() > deadline:
            return removed
