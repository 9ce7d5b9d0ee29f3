"""What beat does for the outbox: finding channels that nobody delivers, and removing old events."""

from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, delete, or_, select
from sqlalchemy.orm import Session

from opbx.broadcasting.models import BroadcastEvent, ChannelCursor, ChannelHead
from opbx.database import write_transaction

#: A younger event is on its way: its own wake is in the queue.
PATIENCE = timedelta(seconds=2)

#: Channels woken by one sweep; the next one follows within a second or two.
SWEEP_LIMIT = 1000

RETENTION = timedelta(days=7)

#: Rows of one transaction, and transactions of one run: pruning never holds up SQLite's other writers for long.
PRUNE_BATCH = 500
PRUNE_BATCHES = 200


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


def prune(session: Session, now: datetime) -> int:
    """Remove delivered events older than `RETENTION`; return how many. What waits, or failed, is never removed."""
    removed = 0
    for _ in range(PRUNE_BATCHES):
        with write_transaction(session):
            count = _prune_batch(session, now - RETENTION)
        removed += count
        if count < PRUNE_BATCH:
            break
    return removed


def _prune_batch(session: Session, before: datetime) -> int:
    old = (
        select(BroadcastEvent.id)
        .join(ChannelCursor, ChannelCursor.channel == BroadcastEvent.channel)
        .where(
            BroadcastEvent.created_at < before,
            BroadcastEvent.sequence <= ChannelCursor.sequence,
            BroadcastEvent.failure.is_(None),
        )
        .limit(PRUNE_BATCH)
    )
    done = session.execute(
        delete(BroadcastEvent).where(BroadcastEvent.id.in_(old)).execution_options(synchronize_session=False)
    )
    return cast("CursorResult[Any]", done).rowcount
