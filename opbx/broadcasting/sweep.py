"""What beat does for the outbox: finding channels that nobody delivers, and removing old events."""

from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from opbx.broadcasting.models import BroadcastEvent, ChannelCursor, ChannelHead
from opbx.database import AnySession, change_chosen

#: A younger event is on its way: its own wake is in the queue.
PATIENCE = timedelta(seconds=2)

#: Channels woken by one sweep; the next one follows within a second or two.
SWEEP_LIMIT = 1000


def sweep(session: Session, now: datetime) -> list[str]:
    """The channels with an event that waits too long and no deliverer alive, the longest waiting first.

    It makes up for every wake that was lost, and for every deliverer that died or gave up.
    """
    return list(
        session.scalars(
            select(ChannelCursor.channel)
            .join(ChannelHead, ChannelHead.channel == ChannelCursor.channel)
            .join(
                BroadcastEvent,
                (BroadcastEvent.channel == ChannelCursor.channel)
                & (BroadcastEvent.sequence == ChannelCursor.sequence + 1),
            )
            .where(
                ChannelHead.sequence > ChannelCursor.sequence,
                or_(ChannelCursor.lease_until.is_(None), ChannelCursor.lease_until < now),
                BroadcastEvent.created_at < now - PATIENCE,
            )
            .order_by(BroadcastEvent.created_at)
            .limit(SWEEP_LIMIT)
        )
    )


def prune(session: AnySession, before: datetime, limit: int) -> int:
    """Remove at most `limit` delivered events from before then; return how many. The caller commits.

    What waits, or failed, is never removed.
    """
    old = (
        select(BroadcastEvent.id)
        .join(ChannelCursor, ChannelCursor.channel == BroadcastEvent.channel)
        .where(
            BroadcastEvent.created_at < before,
            BroadcastEvent.sequence <= ChannelCursor.sequence,
            BroadcastEvent.failure.is_(None),
        )
        .limit(limit)
    )
    return change_chosen(session, delete(BroadcastEvent).where(BroadcastEvent.id.in_(old)))
