"""How long rows are kept that nobody needs for ever, and their removal in batches.

It stands above all features, since each has such rows: workers ask here and need not know them.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from opbx.broadcasting import sweep
from opbx.calls import retention as calls
from opbx.database import AnySession, write_transaction
from opbx.dead_letters import letters
from opbx.identity import audit, tokens
from opbx.settings import Settings
from opbx.telephony import receipts

#: Removes at most so many rows from before a moment, and returns how many there were; the caller commits.
Prune = Callable[[AnySession, datetime, int], int]

#: Days for which the rows are kept that no setting is about: tokens since they expired, the audit log since the entry,
#: webhooks that were given up since then.
TOKENS, AUDIT, LETTERS = 30, 365, 90

#: Rows of one transaction: SQLite's other writers never wait for long.
BATCH = 500

#: Seconds for one kind of row in one run. What is left over is removed by the next one.
BUDGET = 10.0


def kept(settings: Settings) -> dict[str, tuple[int, Prune]]:
    """For each kind of row after how many days it is removed, and by what."""
    return {
        "events": (settings.keep_events, sweep.prune),
        "receipts": (settings.keep_receipts, receipts.prune),
        "session_updates": (settings.keep_session_updates, calls.prune_timelines),
        "calls": (settings.keep_calls, calls.prune_calls),
        "records": (settings.keep_records, calls.prune_records),
        "tokens": (TOKENS, tokens.prune),
        "audit": (AUDIT, audit.prune),
        "letters": (LETTERS, letters.prune),
    }


def prune(session: AnySession, settings: Settings, now: datetime) -> dict[str, int]:
    """Remove what is older than it is kept; return how many rows of each kind."""
    return {
        name: _prune(session, remove, now - timedelta(days=days)) for name, (days, remove) in kept(settings).items()
    }


def _prune(session: AnySession, remove: Prune, before: datetime) -> int:
    removed, deadline = 0, time.monotonic() + BUDGET
    while True:
        with write_transaction(session):
            count = remove(session, before, BATCH)
        removed += count
        if count < BATCH or time.monotonic() > deadline:
            return removed
