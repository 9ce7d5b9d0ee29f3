"""How far a channel is delivered and who may deliver it: the cursor, its lease, and the events beyond it.

Every step is one statement and its own transaction. On PostgreSQL a transaction of one statement is one round
trip (autocommit), where BEGIN and COMMIT would make it three.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any

from sqlalchemy import Engine, Row, ScalarSelect, Update, bindparam, func, or_, select, update
from sqlalchemy.engine import Connection

from opbx.broadcasting.models import BroadcastEvent, ChannelCursor, ChannelHead
from opbx.database import WRITES, utcnow

#: How long a deliverer may be silent until another one takes the channel. Longer than one batch takes
#: even when Redis answers only on the second try.
LEASE = timedelta(seconds=5)

Pending = Row[tuple[int, int, str, dict[str, Any], datetime]]


class LeaseLost(Exception):
    """Another deliverer has taken the channel over, since this one was silent for too long."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to deliver a channel, from the event after `sequence` on."""

    channel: str
    owner: str
    sequence: int


class Cursors:
    """The cursors in one database."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime] = utcnow) -> None:
        self._engine = engine
        self._clock = clock
        self._postgresql = engine.dialect.name == "postgresql"
        self._claim = self._relaxed(_CLAIM, ChannelCursor.sequence)
        self._advance = self._relaxed(_ADVANCE, ChannelCursor.sequence)

    @contextmanager
    def open(self) -> Iterator[Connection]:
        """A connection for one delivery, whose every statement commits by itself."""
        with self._engine.connect() as connection:
            if self._postgresql:
                connection.execution_options(isolation_level="AUTOCOMMIT")
            yield connection

    def claim(self, connection: Connection, channel: str) -> Lease | None:
        """Take the channel's lease. None where another has it, or nothing waits."""
        owner, now = token_hex(16), self._clock()
        with self._writing(connection):
            claimed = connection.execute(
                self._claim, {"of": channel, "owner": owner, "now": now, "until": now + LEASE}
            ).first()
        return Lease(channel, owner, claimed.sequence) if claimed else None

    def read(self, connection: Connection, channel: str, after: int, limit: int) -> Sequence[Pending]:
        """The events after sequence `after`, in order."""
        with self._reading(connection):
            return connection.execute(_READ, {"of": channel, "after": after, "limit": limit}).all()

    def advance(self, connection: Connection, lease: Lease, sequence: int, *, release: bool) -> None:
        """Move the cursor to `sequence`, and release the lease or extend it. Raises `LeaseLost`."""
        with self._writing(connection):
            moved = connection.execute(
                self._advance,
                {
                    "of": lease.channel,
                    "held_by": lease.owner,
                    "to": sequence,
                    "owner": None if release else lease.owner,
                    "until": None if release else self._clock() + LEASE,
                },
            ).first()
        if moved is None:
            raise LeaseLost

    def release(self, connection: Connection, lease: Lease) -> None:
        """Let go without moving; nothing where the lease is lost already."""
        with self._writing(connection):
            connection.execute(_RELEASE, {"of": lease.channel, "held_by": lease.owner})

    def fail(self, connection: Connection, failures: dict[int, str]) -> None:
        """Keep, by row id, why events can never be published. To be done before the cursor moves past them."""
        with self._writing(connection):
            for row, reason in failures.items():
                connection.execute(_FAIL, {"row": row, "why": reason[:500]})

    def behind(self, connection: Connection, channel: str) -> bool:
        """Whether events wait beyond the cursor."""
        with self._reading(connection):
            return connection.execute(_BEHIND, {"of": channel}).first() is not None

    @contextmanager
    def _writing(self, connection: Connection) -> Iterator[None]:
        with connection.execution_options(**{WRITES: True}).begin():
            yield

    @contextmanager
    def _reading(self, connection: Connection) -> Iterator[None]:
        with connection.execution_options(**{WRITES: False}).begin():
            yield

    def _relaxed(self, statement: Update, column: Any) -> Any:
        """The statement, on PostgreSQL without waiting for the disk.

        A claim or a move that its crash loses is harmless: a lost claim is an expired lease, and a lost move
        publishes the batch again, which the backplane refuses. The setting lasts until the transaction
        ends, and a transaction is the statement itself; within it, it costs no round trip.
        """
        if self._postgresql:
            return statement.returning(column, func.set_config("synchronous_commit", "off", True))
        return statement.returning(column)


def _head() -> ScalarSelect[int]:
    return select(ChannelHead.sequence).where(ChannelHead.channel == bindparam("of")).scalar_subquery()


_CLAIM = (
    update(ChannelCursor)
    .where(
        ChannelCursor.channel == bindparam("of"),
        ChannelCursor.sequence < _head(),
        or_(ChannelCursor.lease_until.is_(None), ChannelCursor.lease_until < bindparam("now")),
    )
    .values(lease_owner=bindparam("owner"), lease_until=bindparam("until"))
)
_HELD = (ChannelCursor.channel == bindparam("of"), ChannelCursor.lease_owner == bindparam("held_by"))
_ADVANCE = (
    update(ChannelCursor)
    .where(*_HELD)
    .values(sequence=bindparam("to"), lease_owner=bindparam("owner"), lease_until=bindparam("until"))
)
_RELEASE = update(ChannelCursor).where(*_HELD).values(lease_owner=None, lease_until=None)
_READ = (
    select(
        BroadcastEvent.id,
        BroadcastEvent.sequence,
        BroadcastEvent.name,
        BroadcastEvent.payload,
        BroadcastEvent.created_at,
    )
    .where(BroadcastEvent.channel == bindparam("of"), BroadcastEvent.sequence > bindparam("after"))
    .order_by(BroadcastEvent.sequence)
    .limit(bindparam("limit"))
)
_FAIL = update(BroadcastEvent).where(BroadcastEvent.id == bindparam("row")).values(failure=bindparam("why"))
_BEHIND = select(ChannelCursor.channel).where(
    ChannelCursor.channel == bindparam("of"), ChannelCursor.sequence < _head()
)
