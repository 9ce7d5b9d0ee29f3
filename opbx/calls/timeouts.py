"""Ends calls that nobody has told anything of for too long, so that no ghost stays on a board.

A call without news for the timeout is over now. One whose latest news is itself older than the timeout, by its sender's
clock, was over when that was told: it only stays for the moment in which more may follow, as when a sender makes up for
an outage (docs/decisions/old-news.md).
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Integer, and_, bindparam, literal, or_, select

from opbx.calls.models import Call, CallStatus
from opbx.calls.service import apply
from opbx.calls.signal import CallSignal
from opbx.pipeline import Statement, Transaction, Transactions
from opbx.settings import Settings

#: Calls ended in one transaction; webhooks of their organizations wait meanwhile.
BATCH = 50

REASON = "timeout"

#: Seconds without a webhook after which a call of which only old news came is ended.
OLD_NEWS_GRACE = 60


def expire_calls(transactions: Transactions, settings: Settings, now: datetime) -> int:
    """End every call without news as failed, and return how many there were. Commits batch by batch."""
    expired = 0
    while True:
        with transactions.begin() as transaction:
            calls = _without_news(transaction, settings, now)
            for call in calls:
                at = _end(call, settings, now)
                silence = CallSignal(call_id=call.call_id, status=CallStatus.FAILED, at=at, reason=REASON)
                apply(transaction, call.organization_id, silence, now)
        expired += len(calls)
        if len(calls) < BATCH:
            return expired


# All locks are taken before the first event, and none is waited for: a webhook holds its call's lock when it
# waits for the organization's sequence, so that waiting for calls while holding a sequence would deadlock.
_WITHOUT_NEWS = Statement(
    select(Call.organization_id, Call.call_id, Call.initiated_at, Call.last_event_at, Call.last_told_at)
    .where(
        Call.ended_at.is_(None),
        or_(
            Call.last_event_at < bindparam("too_long_ago"),
            and_(Call.last_told_at < bindparam("too_long_ago"), Call.last_event_at < bindparam("old_news_ago")),
            and_(
                Call.status.in_([literal(CallStatus.INITIATED), literal(CallStatus.RINGING)]),
                Call.last_event_at < bindparam("ringing_ago"),
            ),
        ),
    )
    .limit(bindparam("limit", type_=Integer))
    .with_for_update(skip_locked=True)
)


def _without_news(transaction: Transaction, settings: Settings, now: datetime) -> list[Any]:
    """Locked calls whose time is up. PostgreSQL looks again at a row that changed before it got the lock."""
    calls = transaction.fetch(
        _WITHOUT_NEWS,
        too_long_ago=now - timedelta(seconds=settings.call_timeout),
        old_news_ago=now - timedelta(seconds=OLD_NEWS_GRACE),
        ringing_ago=now - timedelta(seconds=settings.ringing_timeout),
        limit=BATCH,
    )
    # sequences of several organizations are always taken in the same order
    return sorted(calls, key=lambda call: (call.organization_id, call.initiated_at))


def _end(call: Any, settings: Settings, now: datetime) -> datetime:
    """When the call is said to have ended: with its last news where that was old when it came, else now."""
    told_at = call.last_told_at
    was_old = told_at is not None and told_at < call.last_event_at - timedelta(seconds=settings.call_timeout)
    return told_at if told_at is not None and was_old else now
