"""Ends calls that nobody has told anything of for too long, so that no ghost stays on a board."""

from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select

from opbx.calls.models import Call, CallStatus
from opbx.calls.service import apply
from opbx.calls.signal import CallSignal
from opbx.database import AnySession, write_transaction
from opbx.settings import Settings

#: Calls ended in one transaction; webhooks of their organizations wait meanwhile.
BATCH = 50

REASON = "timeout"


def expire_calls(session: AnySession, settings: Settings, now: datetime) -> int:
    """End every call without news as failed, and return how many there were. Commits batch by batch."""
    expired = 0
    while True:
        with write_transaction(session):
            calls = _without_news(session, settings, now)
            for call in calls:
                silence = CallSignal(call_id=call.call_id, status=CallStatus.FAILED, at=now, reason=REASON)
                apply(session, call.organization_id, silence, now)
        expired += len(calls)
        if len(calls) < BATCH:
            return expired


def _without_news(session: AnySession, settings: Settings, now: datetime) -> list[Call]:
    """Locked calls whose time is up. PostgreSQL looks again at a row that changed before it got the lock.

    All locks are taken before the first event, and none is waited for: a webhook holds its call's lock when it
    waits for the organization's sequence, so that waiting for calls while holding a sequence would deadlock.
    """
    query = (
        select(Call)
        .where(
            Call.ended_at.is_(None),
            or_(
                Call.last_event_at < now - timedelta(seconds=settings.call_timeout),
                and_(
                    Call.status.in_([CallStatus.INITIATED, CallStatus.RINGING]),
                    Call.last_event_at < now - timedelta(seconds=settings.ringing_timeout),
                ),
            ),
        )
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    calls = session.scalars(query, execution_options={"populate_existing": True}).all()
    # sequences of several organizations are always taken in the same order
    return sorted(calls, key=lambda call: (call.organization_id, call.initiated_at))
