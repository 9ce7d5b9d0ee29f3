"""The outbox: an event is stored in the transaction of the change that it tells of, and sent after the commit."""

from collections.abc import Callable
from typing import Any, cast

from sqlalchemy import Executable, Table, bindparam, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import scoped_session, sessionmaker

from opbx.broadcasting import rules as _rules  # noqa: F401  (declares the channels that events may name)
from opbx.broadcasting.channels import wire_name
from opbx.broadcasting.events import Event
from opbx.broadcasting.models import BroadcastEvent, ChannelCursor, ChannelHead
from opbx.commits import AfterCommit
from opbx.database import AnySession


def _next_sequence(dialect: Any) -> Executable:
    """One statement for a channel's first event and for every later one."""
    statement = dialect.insert(ChannelHead.__table__).values(channel=bindparam("channel"), sequence=1)
    upsert: Executable = statement.on_conflict_do_update(
        index_elements=[ChannelHead.channel], set_={"sequence": ChannelHead.sequence + 1}
    ).returning(ChannelHead.sequence)
    return upsert


# Core statements, built once: an ORM insert costs five times as much, under the channel's row lock.
_NEXT_SEQUENCE = {"sqlite": _next_sequence(sqlite), "postgresql": _next_sequence(postgresql)}
_NEW_CURSOR = insert(cast("Table", ChannelCursor.__table__)).values(sequence=0)
_NEW_EVENT = insert(cast("Table", BroadcastEvent.__table__)).inline()

_written: AfterCommit[str] = AfterCommit("broadcast")  # channels


def broadcast(session: AnySession, event: Event) -> int:
    """Store `event` with its channel's next sequence and return that; the caller's commit sends it.

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
    connection = session.connection()
    sequence: int = connection.execute(_NEXT_SEQUENCE[connection.dialect.name], {"channel": channel}).scalar_one()
    if sequence == 1:
        connection.execute(_NEW_CURSOR, {"channel": channel})
    connection.execute(_NEW_EVENT, {"channel": channel, "sequence": sequence, "name": event.name, "payload": payload})
    _written.add(session, channel)
    return sequence


def wake_after_commit(sessions: sessionmaker[Any] | scoped_session[Any], wake: Callable[[list[str]], None]) -> None:
    """Call `wake` with the channels that a transaction of `sessions` broadcast to, once it has committed."""
    _written.hand_over(sessions, wake)
