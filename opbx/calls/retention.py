"""Removes what is old of calls: first the timeline, then the call, then the detail record, which outlives its call.

Each function removes at most `limit` from before a moment and returns how many there were; the caller commits.
A call that has not ended is never touched.
"""

from datetime import datetime

from sqlalchemy import delete, select, update

from opbx.calls.models import Call, CallDetailRecord
from opbx.database import AnySession, change_chosen, utcnow


def prune_timelines(session: AnySession, before: datetime, limit: int) -> int:
    """Of calls that ended before then: what the sender told step by step, of which the timeline is what is kept."""
    old = select(Call.id).where(Call.ended_at < before, Call.timeline_pruned_at.is_(None)).limit(limit)
    return change_chosen(session, update(Call).where(Call.id.in_(old)).values(timeline=[], timeline_pruned_at=utcnow()))


def prune_calls(session: AnySession, before: datetime, limit: int) -> int:
    """Calls that ended before then; their detail records stay."""
    old = select(Call.id).where(Call.ended_at < before).limit(limit)
    return change_chosen(session, delete(Call).where(Call.id.in_(old)))


def prune_records(session: AnySession, before: datetime, limit: int) -> int:
    """Detail records that were received before then."""
    old = select(CallDetailRecord.id).where(CallDetailRecord.received_at < before).limit(limit)
    return change_chosen(session, delete(CallDetailRecord).where(CallDetailRecord.id.in_(old)))
