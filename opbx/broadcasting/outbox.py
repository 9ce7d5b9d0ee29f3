"""The outbox: an event is stored in the transaction of the change that it tells of, and sent after the commit."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import bindparam, insert, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite

from opbx.broadcasting import rules as _rules  # noqa: F401  (declares the channels that events may name)
from opbx.broadcasting.channels import wire_name
from opbx.broadcasting.events import Event
from opbx.broadcasting.models import BroadcastEvent, ChannelCursor, ChannelHead
from opbx.database import table_of, utcnow
from opbx.pipeline import Statement, Transaction, Transactions

_heads, _cursors, _events = table_of(ChannelHead), table_of(ChannelCursor), table_of(BroadcastEvent)
_WRITTEN = "channels"  # in a transaction's notes


def _next_sequence(dialect: Any) -> Any:
    """One statement for a channel's first event and for every later one."""
    first = dialect.insert(_heads).values(channel=bindparam("channel", type_=_heads.c.channel.type), sequence=1)
    return first.on_conflict_do_update(index_elements=[_heads.c.channel], set_={"sequence": _heads.c.sequence + 1})


def _new_cursor(moved: Any) -> Any:
    first = select(moved.c.channel, literal(0)).where(moved.c.sequence == 1)
    return insert(_cursors).from_select(["channel", "sequence"], first)


def _new_event(moved: Any) -> Any:
    given = [bindparam(name, type_=_events.c[name].type) for name in ("name", "payload", "created_at")]
    row = select(moved.c.channel, moved.c.sequence, *given)
    columns = ["channel", "sequence", *(one.key for one in given)]
    return insert(_events).from_select(columns, row, include_defaults=False)


def _store_at_once() -> Any:
    """PostgreSQL reads the head that it moves in the same statement."""
    moved = _next_sequence(postgresql).returning(_heads.c.channel, _heads.c.sequence).cte("moved")
    return _new_event(moved).add_cte(_new_cursor(moved).cte("started"))


def _store_in_steps() -> tuple[Any, ...]:
    """SQLite reads it again. Nobody else moves it meanwhile."""
    moved = select(_heads).where(_heads.c.channel == bindparam("channel")).subquery("moved")
    return _next_sequence(sqlite), _new_cursor(moved), _new_event(moved)


_NEXT_SEQUENCE = Statement({"sqlite": _next_sequence(sqlite), "postgresql": _next_sequence(postgresql)})
_STORE = Statement({"sqlite": _store_in_steps(), "postgresql": _store_at_once()})


def broadcast(transaction: Transaction, event: Event) -> None:
    """Store `event` with its channel's next sequence; the transaction's commit sends it.

    The sequence comes from the channel's head row, which stays locked until the transaction ends: so the
    order of sequences is the order of commits, and a rollback leaves no gap. Broadcast late in the
    transaction, since every other writer of the channel waits; and where one transaction writes to several
    channels, always in the same order.

    The stored payload is what the schema dumped, without the sequence: the row's column is the one truth,
    and delivery puts it into what clients get.

    Raises `InvalidPayload` and `NoChannelRule`, both before anything is written.
    """
    channel = event.channel()
    wire_name(channel)  # an event that nobody can subscribe to is a mistake, found here
    payload = event.render()
    transaction.send(_STORE, channel=channel, name=event.name, payload=payload, created_at=utcnow())
    transaction.notes.setdefault(_WRITTEN, {})[channel] = None  # a set that keeps the order


_FAILED = Statement(
    select(_events.c.channel)
    .where(_events.c.id == bindparam("row", type_=_events.c.id.type), _events.c.failure.is_not(None))
    .with_for_update()
)
_AGAIN = Statement(
    update(_events)
    .where(_events.c.id == bindparam("row", type_=_events.c.id.type))
    .values(
        sequence=select(_heads.c.sequence).where(_heads.c.channel == _events.c.channel).scalar_subquery(),
        failure=None,
        failed_at=None,
        created_at=bindparam("now", type_=_events.c.created_at.type),
    )
)


def publish_again(transaction: Transaction, row: int) -> bool:
    """Give a failed event its channel's next sequence, for its old one was passed. False where there is none."""
    for failed in transaction.fetch(_FAILED, row=row):  # locked: a sequence must not be taken for nothing
        transaction.send(_NEXT_SEQUENCE, channel=failed.channel)
        transaction.send(_AGAIN, row=row, now=utcnow())
        transaction.notes.setdefault(_WRITTEN, {})[failed.channel] = None
        return True
    return False


def wake_after_commit(transactions: Transactions, wake: Callable[[list[str]], None]) -> None:
    """Call `wake` with the channels that one of `transactions` broadcast to, once it has committed."""

    def committed(transaction: Transaction) -> None:
        channels = transaction.notes.get(_WRITTEN)
        if channels:
            wake(list(channels))

    transactions.after_commit(committed)
