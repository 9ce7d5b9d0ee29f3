"""How each kind of sender tells of a call: the webhooks that it posts, in the order of their times."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from opbx.operations.simulator.plan import CallPlan, Line, Outcome


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """One request. `at` is when it is due, in seconds since the epoch."""

    at: float
    endpoint: str
    payload: dict[str, Any]
    form: bool = False  # sent form-encoded, not as JSON
    key: str | None = None  # X-Idempotency-Key


#: Seconds after the end of a call when its detail record comes.
RECORD_DELAY = 1.0

#: A vocabulary tells all of a call.
Vocabulary = Callable[[CallPlan], Iterator[Webhook]]

_OPBX_END = {
    Outcome.ANSWERED: ("hangup", "normal"),
    Outcome.BUSY: ("busy", "user_busy"),
    Outcome.MISSED: ("no-answer", "no_answer"),
    Outcome.ABANDONED: ("no-answer", "originator_cancel"),
}
_SESSION_END = {
    Outcome.ANSWERED: "answer",
    Outcome.BUSY: "busy",
    Outcome.MISSED: "noanswer",
    Outcome.ABANDONED: "cancel",
}
_DISPOSITION = {
    Outcome.ANSWERED: "ANSWER",
    Outcome.BUSY: "BUSY",
    Outcome.MISSED: "NOANSWER",
    Outcome.ABANDONED: "CANCEL",
}


def opbx(plan: CallPlan) -> Iterator[Webhook]:
    """OPBX's own form."""
    yield Webhook(
        at=plan.started,
        endpoint="call-initiated",
        key=f"{plan.call_id}-initiated",
        payload={
            "call_id": plan.call_id,
            "from": plan.caller,
            "to": plan.callee,
            "did": plan.callee,
            "timestamp": int(plan.started),
            "direction": "inbound",
            "status": "initiated",
            "domain_uuid": plan.line.domain_uuid,
        },
    )
    yield _opbx_status(plan, "ringing", plan.ringing)
    if plan.answered is not None:
        answered = {"extension": plan.extension, "answer_time": int(plan.answered)}
        yield _opbx_status(plan, "answered", plan.answered, **answered)
    status, reason = _OPBX_END[plan.outcome]
    yield _opbx_status(plan, status, plan.ended, duration=plan.talked, disconnect_reason=reason)


def cloudonix(plan: CallPlan) -> Iterator[Webhook]:
    """A Cloudonix voice application: its own request first, then session updates and the detail record."""
    yield Webhook(
        at=plan.started,
        endpoint="call-initiated",
        form=plan.number % 2 == 0,
        payload={
            "CallSid": plan.call_id,
            "Session": plan.call_id,
            "Domain": plan.line.domain,
            "From": plan.caller,
            "To": plan.callee,
            "Direction": "inbound",
            "CallStatus": "ringing",
            "ApiVersion": "1",
        },
    )
    yield from _session_story(plan)


def session(plan: CallPlan) -> Iterator[Webhook]:
    """Cloudonix without a voice application: session updates and the detail record alone."""
    yield _session_update(plan, 0, "new", plan.started)
    yield from _session_story(plan)


def hangup(line: Line, call_id: str, at: float) -> Webhook:
    """The end of a call of which nothing more is known, in OPBX's own form."""
    return Webhook(
        at=at,
        endpoint="call-status",
        key=f"{call_id}-hangup",
        payload={
            "call_id": call_id,
            "status": "hangup",
            "timestamp": int(at),
            "domain_uuid": line.domain_uuid,
            "disconnect_reason": "abandoned by its simulation",
        },
    )


VOCABULARIES: tuple[Vocabulary, ...] = (opbx, cloudonix, session)


def _opbx_status(plan: CallPlan, status: str, at: float, **more: Any) -> Webhook:
    return Webhook(
        at=at,
        endpoint="call-status",
        key=f"{plan.call_id}-{status}",
        payload={
            "call_id": plan.call_id,
            "status": status,
            "timestamp": int(at),
            "domain_uuid": plan.line.domain_uuid,
            **more,
        },
    )


def _session_story(plan: CallPlan) -> Iterator[Webhook]:
    yield _session_update(plan, 1, "ringing", plan.ringing)
    if plan.answered is not None:
        yield _session_update(plan, 2, "connected", plan.answered)
    yield _session_update(plan, 3, _SESSION_END[plan.outcome], plan.ended, ended=True)
    yield _detail_record(plan)


def _session_update(plan: CallPlan, number: int, status: str, at: float, *, ended: bool = False) -> Webhook:
    answered = plan.answered is not None and at >= plan.answered
    return Webhook(
        at=at,
        endpoint="session-update",
        payload={
            "id": plan.number,
            "domain": plan.line.domain,
            "destination": plan.callee.lstrip("+"),
            "callerId": plan.caller.lstrip("+"),
            "direction": "incoming",
            "token": plan.call_id,
            "createdAt": _iso(plan.started),
            "modifiedAt": _iso(at),
            "status": status,
            "callStartTime": _milliseconds(plan.started),
            "callAnswerTime": _milliseconds(plan.answered) if answered else None,
            "callEndTime": _milliseconds(plan.ended) if ended else None,
            "action": "updated",
            "eventId": f"{plan.call_id}-{number}",
        },
    )


def _detail_record(plan: CallPlan) -> Webhook:
    return Webhook(
        at=plan.ended + RECORD_DELAY,
        endpoint="cdr",
        payload={
            "timestamp": int(plan.started),
            "domain": plan.line.domain,
            "from": plan.caller,
            "to": plan.callee,
            "disposition": _DISPOSITION[plan.outcome],
            "duration": plan.duration,
            "billsec": plan.talked,
            "call_id": f"{plan.call_id[-16:]}@192.0.2.7:5060",
            "owner": {"domain": {"name": plan.line.domain, "uuid": plan.line.domain_uuid}},
            "session": {
                "id": plan.number,
                "token": plan.call_id,
                "status": _SESSION_END[plan.outcome],
                "callStartTime": _milliseconds(plan.started),
                "callAnswerTime": _milliseconds(plan.answered),
                "callEndTime": _milliseconds(plan.ended),
            },
        },
    )


def _milliseconds(at: float | None) -> int | None:
    return None if at is None else int(at * 1000)


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
