"""Moves a call by what a sender says of it, inside the caller's transaction: one change at a time for each call."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from opbx.broadcasting.outbox import broadcast
from opbx.calls.directory import learn
from opbx.calls.events import EVENTS
from opbx.calls.models import Call, CallDetailRecord, CallStatus
from opbx.calls.schemas import iso
from opbx.calls.signal import CallSignal
from opbx.calls.state import CallState, Decision, Step, decide
from opbx.database import AnySession
from opbx.identity.models import new_id

#: Steps kept of a call. A sender that keeps repeating old news must not make the row grow without end.
MAX_TIMELINE = 50

_STATE = ("status", "initiated_at", "answered_at", "ended_at", "duration", "end_reason", "settled")


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
    with session.no_autoflush:  # one UPDATE at the end, not one before each query
        call = _lock(session, organization_id, signal.call_id)
        if call is None:
            call = Call(id=new_id(), organization_id=organization_id, call_id=signal.call_id, created_at=now)
            decision = decide(None, signal)
            changed = _write(session, call, decision, signal, now)
            if not _insert(session, call):  # another webhook was first, and has committed by now
                return apply(session, organization_id, signal, now, confirm)
        else:
            decision = decide(_state(call), signal)
            changed = _write(session, call, decision, signal, now)
        outcome = Outcome(call_id=call.call_id, status=call.status, step=decision.step, changed=changed)
        if confirm is not None:
            confirm(outcome)
    session.flush()
    if signal.record is not None:
        _keep_record(session, call, signal, decision.step, now)
    for announcement in decision.announced:
        broadcast(session, EVENTS[announcement](call))
    return outcome


def _lock(session: AnySession, organization_id: str, call_id: str) -> Call | None:
    query = select(Call).where(Call.organization_id == organization_id, Call.call_id == call_id).with_for_update()
    return session.scalars(query, execution_options={"populate_existing": True}).one_or_none()


def _insert(session: AnySession, call: Call) -> bool:
    """Whether the call is ours to begin. PostgreSQL waits here for a concurrent first arrival to commit."""
    values = {column.key: getattr(call, column.key) for column in Call.__table__.columns}
    statement = _insert_of(session)(Call).values(values).on_conflict_do_nothing().returning(Call.id)
    return session.scalars(statement).first() is not None


def _state(call: Call) -> CallState:
    return CallState(**{name: getattr(call, name) for name in _STATE})


def _write(session: AnySession, call: Call, decision: Decision, signal: CallSignal, now: datetime) -> bool:
    """Put the decision into the row; whether it knows anything afterwards that it did not before."""
    for name in _STATE:
        setattr(call, name, getattr(decision.state, name))
    call.timeline = _timeline(call.timeline or [], decision.step, signal, now)
    learn(session, call, signal, decision.step)
    changed = session.is_modified(call)
    call.last_event_at = now
    return changed


def _timeline(timeline: list[dict[str, Any]], step: Step, signal: CallSignal, now: datetime) -> list[dict[str, Any]]:
    entry = {"status": signal.status.value, "step": step.value, "at": iso(signal.at)}
    known = any(entry.items() <= earlier.items() for earlier in timeline)
    if step is Step.REPEAT or known or (step is Step.LATE and len(timeline) >= MAX_TIMELINE):
        return timeline
    return [*timeline, entry | {"heard_at": iso(now)}]


def _keep_record(session: AnySession, call: Call, signal: CallSignal, step: Step, now: datetime) -> None:
    """Keep the raw record; of several for one session the one that the call's end was taken from."""
    if signal.record is None:
        return
    values = {"record": signal.record.raw, "call_id": call.id, "received_at": now}
    key = {"organization_id": call.organization_id, "session_token": signal.record.session_token}
    statement = _insert_of(session)(CallDetailRecord).values(id=new_id(), **key, **values)
    if step in {Step.FORWARD, Step.CORRECTION}:
        session.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))
    else:
        session.execute(statement.on_conflict_do_nothing())


def _insert_of(session: AnySession) -> Any:
    """The INSERT that knows ON CONFLICT, which SQLAlchemy has per database."""
    return sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
