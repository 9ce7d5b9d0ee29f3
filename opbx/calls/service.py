"""Moves a call by what a sender says of it, inside the caller's transaction: one change at a time for each call."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam
from sqlalchemy.dialects import postgresql, sqlite

from opbx.broadcasting.outbox import broadcast
from opbx.calls.directory import FACTS, learn
from opbx.calls.events import EVENTS
from opbx.calls.models import Call, CallStatus, table_of
from opbx.calls.records import keep_record
from opbx.calls.signal import CallSignal
from opbx.calls.state import CallState, Decision, Step, decide, interpret
from opbx.database import AnySession
from opbx.identity.models import new_id
from opbx.moments import iso

#: Steps kept of a call. A sender that keeps repeating old news must not make the row grow without end.
MAX_TIMELINE = 50

#: The part of a row that the state machine moves, and all that may change of a call.
_STATE = ("status", "initiated_at", "answered_at", "ended_at", "duration", "end_reason", "settled")
_CHANGING = (*_STATE, *FACTS, "did_id", "did", "extension_id", "extension", "timeline")
_HEARD = ("last_event_at", "last_told_at")

# Most webhooks run these few statements and nothing else, so they are built once, and bypass the ORM.
_calls = table_of(Call)
_LOCK = (
    _calls.select()
    .where(_calls.c.organization_id == bindparam("organization_id"), _calls.c.call_id == bindparam("call_id"))
    .with_for_update()
)
_UPDATE = (
    _calls.update()
    .where(_calls.c.id == bindparam("row"))
    .values({name: bindparam(name) for name in (*_CHANGING, *_HEARD)})
)
_INSERT = {
    "sqlite": sqlite.insert(_calls).on_conflict_do_nothing().returning(_calls.c.id),
    "postgresql": postgresql.insert(_calls).on_conflict_do_nothing().returning(_calls.c.id),
}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a signal did: the call's status after it, and whether anything is known now that was not before."""

    call_id: str
    status: CallStatus
    step: Step
    changed: bool


def apply(
    session: AnySession,
    organization_id: str,
    signal: CallSignal,
    now: datetime,
    confirm: Callable[[Outcome], None] | None = None,
) -> Outcome:
    """Apply `signal` to its call, which is created when it is new, and broadcast what is to be announced.

    The session is in a write transaction; until that ends, the call's row is locked. `confirm` is called once
    the outcome is certain and before the organization's other calls have to wait: what it raises ends it all.
    """
    connection = session.connection()
    call = _lock(connection, organization_id, signal.call_id)
    known = None if call is None else _state(call)
    signal = interpret(known, signal)
    decision = decide(known, signal)
    if call is None:
        call = Call(id=new_id(), organization_id=organization_id, call_id=signal.call_id, timeline=[], created_at=now)
        changed = _learn_all(connection, call, decision, signal, now)
        if not _insert(connection, call):  # another webhook was first, and has committed by now
            return apply(session, organization_id, signal, now, confirm)
    else:
        changed = _learn_all(connection, call, decision, signal, now)
    outcome = Outcome(call_id=call.call_id, status=call.status, step=decision.step, changed=changed)
    if confirm is not None:
        confirm(outcome)
    if known is not None:
        connection.execute(_UPDATE, {"row": call.id, **_values(call, _HEARD), **_changing(call)})
    if signal.record is not None:
        keep_record(connection, call, signal.record, decision.step, now)
    for announcement in decision.announced:
        broadcast(session, EVENTS[announcement](call))
    return outcome


def _lock(connection: Connection, organization_id: str, call_id: str) -> Call | None:
    row = connection.execute(_LOCK, {"organization_id": organization_id, "call_id": call_id}).one_or_none()
    return None if row is None else Call(**row._mapping)


def _insert(connection: Connection, call: Call) -> bool:
    """Whether the call is ours to begin. PostgreSQL waits here for a concurrent first arrival to commit."""
    values = {column.key: getattr(call, column.key) for column in _calls.columns}
    return connection.execute(_INSERT[connection.dialect.name], values).first() is not None


def _state(call: Call) -> CallState:
    return CallState(**{name: getattr(call, name) for name in _STATE})


def _changing(call: Call) -> dict[str, Any]:
    return _values(call, _CHANGING)


def _values(call: Call, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(call, name) for name in names}


def _learn_all(connection: Connection, call: Call, decision: Decision, signal: CallSignal, now: datetime) -> bool:
    """Put into `call` what was decided and what else the signal says; whether anything of it is new."""
    before = _changing(call)
    for name in _STATE:
        setattr(call, name, getattr(decision.state, name))
    call.timeline = _timeline(call.timeline, decision.step, signal, now)
    call.last_event_at = now
    told_at = signal.told_at or signal.at
    call.last_told_at = max(call.last_told_at, told_at) if call.last_told_at else told_at
    learn(connection, call, signal, decision.step)
    return before != _changing(call)


def _timeline(timeline: list[dict[str, Any]], step: Step, signal: CallSignal, now: datetime) -> list[dict[str, Any]]:
    entry = {"status": signal.status.value, "step": step.value, "at": iso(signal.at)}
    known = any(entry.items() <= earlier.items() for earlier in timeline)
    if step is Step.REPEAT or known or (step is Step.LATE and len(timeline) >= MAX_TIMELINE):
        return timeline
    return [*timeline, entry | {"heard_at": iso(now)}]
