"""Moves a call by what a sender says of it, inside the caller's transaction: one change at a time for each call."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast

from sqlalchemy import bindparam

from opbx.broadcasting.outbox import broadcast
from opbx.calls.directory import FACTS, Directory, learn
from opbx.calls.events import EVENTS
from opbx.calls.models import Call, CallStatus
from opbx.calls.records import keep_record
from opbx.calls.signal import CallSignal
from opbx.calls.state import CallState, Decision, Step, decide, interpret
from opbx.database import table_of
from opbx.identity.models import new_id
from opbx.moments import iso
from opbx.pipeline import Statement, Transaction

#: Steps kept of a call. A sender that keeps repeating old news must not make the row grow without end.
MAX_TIMELINE = 50

#: The part of a row that the state machine moves, and all that may change of a call.
_STATE = ("status", "initiated_at", "answered_at", "ended_at", "duration", "end_reason", "settled")
_CHANGING = (*_STATE, *FACTS, "did_id", "did", "extension_id", "extension", "timeline")
_HEARD = ("last_event_at", "last_told_at")

_calls = table_of(Call)
_COLUMNS = tuple(column.key for column in _calls.columns)
_LOCK = Statement(
    _calls.select()
    .where(_calls.c.organization_id == bindparam("organization_id"), _calls.c.call_id == bindparam("call_id"))
    .with_for_update()
)
_UPDATE = Statement(
    _calls.update()
    .where(_calls.c.id == bindparam("row"))
    .values({name: bindparam(name) for name in (*_CHANGING, *_HEARD)})
)
_INSERT = Statement(_calls.insert().values({name: bindparam(name) for name in _COLUMNS}))


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a signal did: the call's status after it, and whether anything is known now that was not before."""

    call_id: str
    status: CallStatus
    step: Step
    changed: bool


def apply(
    transaction: Transaction,
    organization_id: str,
    signal: CallSignal,
    now: datetime,
    confirm: Callable[[Outcome], None] | None = None,
) -> Outcome:
    """Apply `signal` to its call, which is created when it is new, and broadcast what is to be announced.

    Until the transaction ends, the call's row is locked. Of two first arrivals at the same moment one ends in an
    `IntegrityError`, and finds the call when it is repeated. `confirm` is called once the outcome is certain and
    before the organization's other calls have to wait: what it raises ends it all.
    """
    locked = transaction.send(_LOCK, organization_id=organization_id, call_id=signal.call_id)
    directory = Directory(transaction, organization_id, signal)
    call = next((_plain(**row._asdict()) for row in locked.rows()), None)
    known = None if call is None else _state(call)
    signal = interpret(known, signal)
    decision = decide(known, signal)
    if call is None:
        call = _plain(id=new_id(), organization_id=organization_id, call_id=signal.call_id, created_at=now)
    changed = _learn_all(directory, call, decision, signal, now)
    outcome = Outcome(call_id=call.call_id, status=call.status, step=decision.step, changed=changed)
    if confirm is not None:
        confirm(outcome)
    if known is None:
        transaction.send(_INSERT, **_values(call, _COLUMNS))
    else:
        transaction.send(_UPDATE, row=call.id, **_values(call, _HEARD), **_changing(call))
    if signal.record is not None:
        keep_record(transaction, call, signal.record, decision.step, now)
    for announcement in decision.announced:
        broadcast(transaction, EVENTS[announcement](call))
    return outcome


#: What a call never heard of knows of itself: nothing.
_UNKNOWN: dict[str, Any] = {**dict.fromkeys(_COLUMNS), "timeline": []}


def _plain(**values: Any) -> Call:
    """An object with a call's attributes, without the mapper's care for them, which costs more than the statements."""
    return cast(Call, SimpleNamespace(**(_UNKNOWN | values)))


def _state(call: Call) -> CallState:
    return CallState(**{name: getattr(call, name) for name in _STATE})


def _changing(call: Call) -> dict[str, Any]:
    return _values(call, _CHANGING)


def _values(call: Call, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(call, name) for name in names}


def _learn_all(directory: Directory, call: Call, decision: Decision, signal: CallSignal, now: datetime) -> bool:
    """Put into `call` what was decided and what else the signal says; whether anything of it is new."""
    before = _changing(call)
    for name in _STATE:
        setattr(call, name, getattr(decision.state, name))
    call.timeline = _timeline(call.timeline, decision.step, signal, now)
    call.last_event_at = now
    told_at = signal.told_at or signal.at
    call.last_told_at = max(call.last_told_at, told_at) if call.last_told_at else told_at
    learn(directory, call, signal, decision.step)
    return before != _changing(call)


def _timeline(timeline: list[dict[str, Any]], step: Step, signal: CallSignal, now: datetime) -> list[dict[str, Any]]:
    entry = {"status": signal.status.value, "step": step.value, "at": iso(signal.at)}
    known = any(entry.items() <= earlier.items() for earlier in timeline)
    if step is Step.REPEAT or known or (step is Step.LATE and len(timeline) >= MAX_TIMELINE):
        return timeline
    return [*timeline, entry | {"heard_at": iso(now)}]
