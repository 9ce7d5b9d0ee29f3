"""How far a channel is delivered and who may deliver it: the cursor, its lease, and the events beyond it.

Every function is one round trip on PostgreSQL, for any number of channels. Channels are always taken in the same order,
so that deliverers do not wait for each other in a circle.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from secrets import token_hex
from socket import gethostname
from typing import Any, Protocol

from sqlalchemy import Engine, Integer, Update, bindparam, func, or_, select, update

from opbx.broadcasting.models import OWNER_LENGTH, BroadcastEvent, ChannelCursor, ChannelHead
from opbx.database import utcnow
from opbx.pipeline import Pipeline, Reply, Statement, Transactions

#: How long a deliverer may be silent until another one takes the channel. Longer than one batch takes
#: even when Redis answers only on the second try.
LEASE = timedelta(seconds=5)

#: Events of a channel that are published in one step.
BATCH = 200


class Pending(Protocol):
    """An event that waits."""

    id: int
    sequence: int
    name: str
    payload: dict[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True, eq=False)
class Lease:
    """The right to deliver a channel, from the event after `sequence` on, and the first events that wait there."""

    channel: str
    owner: str
    sequence: int
    pending: Sequence[Pending]


@dataclass(frozen=True, slots=True)
class Move:
    """Of a cursor to the sequence `to`, past events that can never be published: by row id, why."""

    to: int
    failures: Mapping[int, str] = field(default_factory=dict)


class Cursors:
    """The cursors in one database."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime] = utcnow) -> None:
        self._transactions = Transactions(engine)
        self._clock = clock

    @contextmanager
    def open(self) -> Iterator[Pipeline]:
        """A connection for one delivery."""
        with self._transactions.steps() as pipeline:
            yield pipeline

    def claim(self, pipeline: Pipeline, channels: Iterable[str]) -> list[Lease]:
        """Take the leases of those channels on which something waits and nobody else has the lease."""
        claims = self._send_claims(pipeline, channels)
        pipeline.flush()
        return list(_claimed(claims))

    def advance(self, pipeline: Pipeline, moves: Mapping[Lease, Move], *, claim: bool) -> tuple[list[Lease], list[str]]:
        """Move cursors and let go, then `claim` what waits there once that has committed.

        Answers the new leases, and the channels whose old lease another deliverer had taken over: their cursors
        were not moved, and no event was marked as failed.
        """
        moved = {}
        for lease, move in sorted(moves.items(), key=lambda entry: entry[0].channel):
            held = {"of": lease.channel, "held_by": lease.owner}
            for row, reason in move.failures.items():  # before the move, with which the lease ends
                pipeline.send(_FAIL, row=row, why=reason[:500], now=self._clock(), **held)
            moved[lease.channel] = pipeline.send(_ADVANCE, to=move.to, **held)
        pipeline.commit()
        claims = self._send_claims(pipeline, moved) if claim else []
        pipeline.flush()
        return list(_claimed(claims)), [channel for channel, reply in moved.items() if not reply.rows()]

    def release(self, pipeline: Pipeline, leases: Iterable[Lease]) -> None:
        """Let go without moving; nothing where a lease is lost already."""
        for lease in sorted(leases, key=lambda lease: lease.channel):
            pipeline.send(_RELEASE, of=lease.channel, held_by=lease.owner)
        pipeline.flush()

    def _send_claims(self, pipeline: Pipeline, channels: Iterable[str]) -> list["_Claim"]:
        owner, now = _new_owner(), self._clock()
        return [
            _Claim(
                channel,
                owner,
                pipeline.send(_CLAIM, of=channel, owner=owner, now=now, until=now + LEASE),
                pipeline.send(_READ, of=channel, owner=owner, limit=BATCH),
            )
            for channel in sorted(channels)
        ]


def _new_owner() -> str:
    """A name that nobody else has or had, and by which an operator finds the process."""
    return f"{token_hex(8)} {os.getpid()}@{gethostname()}"[:OWNER_LENGTH]


@dataclass(frozen=True, slots=True)
class _Claim:
    channel: str
    owner: str
    taken: Reply
    pending: Reply


def _claimed(claims: Iterable[_Claim]) -> Iterator[Lease]:
    for claim in claims:
        for row in claim.taken.rows():
            yield Lease(claim.channel, claim.owner, row.sequence, claim.pending.rows())


def _relaxed(change: Update) -> Statement:
    """The statement, on PostgreSQL without waiting for the disk.

    A claim or a move that its crash loses is harmless: a lost claim is an expired lease, and a lost move
    publishes the batch again, which the backplane refuses. The setting lasts until the transaction ends.
    """
    moved = change.returning(ChannelCursor.sequence)
    relaxed = moved.returning(func.set_config("synchronous_commit", "off", True))
    return Statement({"sqlite": moved, "postgresql": relaxed})


_OF = ChannelCursor.channel == bindparam("of")
_FREE = {"lease_owner": None, "lease_until": None}
_HELD = (_OF, ChannelCursor.lease_owner == bindparam("held_by"))
_HEAD = select(ChannelHead.sequence).where(ChannelHead.channel == bindparam("of")).scalar_subquery()

_CLAIM = _relaxed(
    update(ChannelCursor)
    .where(
        _OF,
        ChannelCursor.sequence < _HEAD,
        or_(ChannelCursor.lease_until.is_(None), ChannelCursor.lease_until < bindparam("now")),
    )
    .values(lease_owner=bindparam("owner"), lease_until=bindparam("until"))
)
_ADVANCE = _relaxed(update(ChannelCursor).where(*_HELD).values(sequence=bindparam("to"), **_FREE))
_RELEASE = Statement(update(ChannelCursor).where(*_HELD).values(_FREE))
#: Locks the cursor, so that nobody takes the lease before the move that goes with it.
_HOLDS = select(ChannelCursor.channel).where(*_HELD).with_for_update().scalar_subquery()
_FAIL = Statement(
    update(BroadcastEvent)
    .where(BroadcastEvent.id == bindparam("row"), BroadcastEvent.channel == _HOLDS)
    .values(failure=bindparam("why"), failed_at=bindparam("now"), attempts=BroadcastEvent.attempts + 1)
)

#: The cursor as the claim before it has left it; none where that did not get the lease, and then nothing is read.
_CLAIMED = select(ChannelCursor.sequence).where(_OF, ChannelCursor.lease_owner == bindparam("owner")).scalar_subquery()
_READ = Statement(
    select(
        BroadcastEvent.id,
        BroadcastEvent.sequence,
        BroadcastEvent.name,
        BroadcastEvent.payload,
        BroadcastEvent.created_at,
    )
    .where(BroadcastEvent.channel == bindparam("of"), BroadcastEvent.sequence > _CLAIMED)
    .order_by(BroadcastEvent.sequence)
    .limit(bindparam("limit", type_=Integer))
)
