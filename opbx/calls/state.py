"""The state machine of a call, pure: what a signal makes of a call, and what is announced of it.

    initiated < ringing < answered < {completed, busy, no_answer, failed}

- Forward steps may be skipped. A step back changes no state and announces nothing; it is kept as late news.
- The first end stays. A detail record may correct how and when the call ended, which announces nothing,
  since the call has left every board; of several records the one with the latest end counts.
- Times are the sender's, and each is the earliest one heard, in whatever order signals come.
- `duration` is the talk time, answer to end, in whole seconds. Where nobody said when a completed call was
  answered, it is the duration that the sender told.
- A plain hangup completes a call that was answered, by all that is known; else nobody took it (no_answer), whatever
  its direction.
- Announced are a new call, its answer and its end. A call first heard of when answered is announced as new
  first, so that no board sees an answer to a call that it has not met; one first heard of when over only ends.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from opbx.calls.models import CallStatus
from opbx.calls.signal import CallSignal

RANK = {
    CallStatus.INITIATED: 0,
    CallStatus.RINGING: 1,
    CallStatus.ANSWERED: 2,
    CallStatus.COMPLETED: 3,
    CallStatus.BUSY: 3,
    CallStatus.NO_ANSWER: 3,
    CallStatus.FAILED: 3,
}
FINAL = frozenset(status for status, rank in RANK.items() if rank == RANK[CallStatus.COMPLETED])


class Announcement(StrEnum):
    INITIATED = "initiated"
    ANSWERED = "answered"
    ENDED = "ended"


#: What a call announces that is first heard of in a status, and one that moves on to it.
ANNOUNCED_WHEN_NEW = {
    CallStatus.INITIATED: (Announcement.INITIATED,),
    CallStatus.RINGING: (Announcement.INITIATED,),
    CallStatus.ANSWERED: (Announcement.INITIATED, Announcement.ANSWERED),
    **dict.fromkeys(FINAL, (Announcement.ENDED,)),
}
ANNOUNCED_WHEN_KNOWN: dict[CallStatus, tuple[Announcement, ...]] = {
    CallStatus.INITIATED: (),
    CallStatus.RINGING: (),
    CallStatus.ANSWERED: (Announcement.ANSWERED,),
    **dict.fromkeys(FINAL, (Announcement.ENDED,)),
}


class Step(StrEnum):
    """What a signal is to a call."""

    FORWARD = "forward"  # to a later state, or the first news of the call
    REPEAT = "repeat"  # the state that the call is in
    LATE = "late"  # an earlier state, or another end than the first
    CORRECTION = "correction"  # the detail record of a call that had ended without


@dataclass(frozen=True, kw_only=True)
class CallState:
    """The part of a call that its signals move."""

    status: CallStatus
    initiated_at: datetime
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    duration: int = 0
    end_reason: str | None = None
    settled: bool = False  # the end is that of a detail record


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What becomes of the call, and what is announced of it, in order."""

    step: Step
    state: CallState
    announced: tuple[Announcement, ...] = ()


def interpret(call: CallState | None, signal: CallSignal) -> CallSignal:
    """The signal with the status that it has for `call`: what a plain hangup means depends on what went before."""
    if not signal.hung_up:
        return signal
    if call is not None and call.ended_at is not None:
        return replace(signal, status=call.status)
    answered = signal.answered_at or signal.duration or (call is not None and call.answered_at)
    return replace(signal, status=CallStatus.COMPLETED if answered else CallStatus.NO_ANSWER)


def decide(call: CallState | None, signal: CallSignal) -> Decision:
    """What `signal` makes of `call`; None is a call never heard of."""
    if call is None:
        first = CallState(status=signal.status, initiated_at=signal.at)
        return Decision(step=Step.FORWARD, state=_move(first, signal), announced=ANNOUNCED_WHEN_NEW[signal.status])
    step = _step(call, signal)
    if step is Step.FORWARD:
        return Decision(step=step, state=_move(call, signal), announced=ANNOUNCED_WHEN_KNOWN[signal.status])
    return Decision(step=step, state=_move(call, signal) if step is Step.CORRECTION else _learn(call, signal))


def _step(call: CallState, signal: CallSignal) -> Step:
    if call.ended_at is None:
        ahead = RANK[signal.status] - RANK[call.status]
        return Step.FORWARD if ahead > 0 else Step.LATE if ahead < 0 else Step.REPEAT
    if signal.record is not None and not (call.settled and signal.at <= call.ended_at):
        return Step.CORRECTION
    return Step.REPEAT if signal.status is call.status else Step.LATE


def _move(call: CallState, signal: CallSignal) -> CallState:
    """The call in the signal's status, which is a later one or the corrected end."""
    if signal.status not in FINAL:
        return _learn(replace(call, status=signal.status), signal)
    told = signal.status is CallStatus.COMPLETED or signal.record is not None
    ended = replace(
        call,
        status=signal.status,
        ended_at=signal.at,
        end_reason=signal.reason,
        settled=signal.record is not None,
        duration=(signal.duration or 0) if told else 0,
    )
    return _learn(ended, signal)


def _learn(call: CallState, signal: CallSignal) -> CallState:
    """The call in its state, with the times that the signal adds."""
    answer = signal.at if signal.status is CallStatus.ANSWERED else None
    answered_at = _earliest([call.answered_at, signal.answered_at or answer])
    if answered_at is not None and call.ended_at is not None:
        answered_at = min(answered_at, call.ended_at)  # clocks differ, but nobody answers a call that is over
    initiated_at = _earliest([call.initiated_at, signal.at, signal.initiated_at, answered_at])
    return replace(
        call,
        initiated_at=initiated_at or call.initiated_at,
        answered_at=answered_at,
        duration=_duration(replace(call, answered_at=answered_at)),
    )


def _duration(call: CallState) -> int:
    # a record has said the talk time itself, and late news does not change it
    if call.ended_at is None or call.answered_at is None or call.settled:
        return call.duration
    return max(0, int((call.ended_at - call.answered_at).total_seconds()))


def _earliest(times: Iterable[datetime | None]) -> datetime | None:
    return min((time for time in times if time is not None), default=None)
