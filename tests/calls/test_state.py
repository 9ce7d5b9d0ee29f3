"""The state machine: its table, and that no order of a call's signals leads anywhere else."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opbx.calls.models import CallStatus
from opbx.calls.signal import CallSignal, DetailRecord
from opbx.calls.state import FINAL, RANK, Announcement, CallState, Decision, Step, decide

T0 = datetime(2024, 5, 26, 7, 30, tzinfo=UTC)
INITIATED, RINGING, ANSWERED = CallStatus.INITIATED, CallStatus.RINGING, CallStatus.ANSWERED
COMPLETED, BUSY, NO_ANSWER, FAILED = CallStatus.COMPLETED, CallStatus.BUSY, CallStatus.NO_ANSWER, CallStatus.FAILED


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def signal(
    status: CallStatus,
    seconds: float,
    *,
    answered: float | None = None,
    duration: int | None = None,
    reason: str | None = None,
) -> CallSignal:
    answered_at = None if answered is None else at(answered)
    return CallSignal(
        call_id="c", status=status, at=at(seconds), answered_at=answered_at, duration=duration, reason=reason
    )


def record(status: CallStatus, seconds: float, *, answered: float | None = None, duration: int = 0) -> CallSignal:
    return CallSignal(
        call_id="c",
        status=status,
        at=at(seconds),
        initiated_at=T0,
        answered_at=None if answered is None else at(answered),
        duration=duration,
        reason="record",
        record=DetailRecord(session_token="c", raw={}),
    )


def run(*signals: CallSignal) -> tuple[CallState, list[Decision]]:
    call: CallState | None = None
    decisions = []
    for said in signals:
        decision = decide(call, said)
        decisions.append(decision)
        call = decision.state
    assert call is not None
    return call, decisions


def announced(decisions: list[Decision]) -> list[Announcement]:
    return [announcement for decision in decisions for announcement in decision.announced]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (INITIATED, [Announcement.INITIATED]),
        (RINGING, [Announcement.INITIATED]),
        (ANSWERED, [Announcement.INITIATED, Announcement.ANSWERED]),
        (COMPLETED, [Announcement.ENDED]),
        (BUSY, [Announcement.ENDED]),
        (NO_ANSWER, [Announcement.ENDED]),
        (FAILED, [Announcement.ENDED]),
    ],
)
def test_what_a_call_announces_that_is_first_heard_of(status: CallStatus, expected: list[Announcement]) -> None:
    call, decisions = run(signal(status, 0))
    assert call.status is status
    assert announced(decisions) == expected


@pytest.mark.parametrize("before", list(CallStatus))
@pytest.mark.parametrize("after", list(CallStatus))
def test_every_step_from_one_state_to_another(before: CallStatus, after: CallStatus) -> None:
    call, decisions = run(signal(before, 0), signal(after, 5))
    forward = before not in FINAL and RANK[after] > RANK[before]
    assert call.status is (after if forward else before)
    if forward:
        expected = [Announcement.ENDED] if after in FINAL else [Announcement.ANSWERED] if after is ANSWERED else []
        assert list(decisions[1].announced) == expected
    else:
        assert decisions[1].step is (Step.REPEAT if after is before else Step.LATE)
        assert decisions[1].announced == ()


def test_times_are_those_of_the_events_and_duration_is_the_talk_time() -> None:
    call, decisions = run(signal(INITIATED, 0), signal(RINGING, 2), signal(ANSWERED, 5), signal(COMPLETED, 135.9))
    assert (call.initiated_at, call.answered_at, call.ended_at) == (at(0), at(5), at(135.9))
    assert call.duration == 130
    assert announced(decisions) == [Announcement.INITIATED, Announcement.ANSWERED, Announcement.ENDED]


def test_a_call_never_answered_has_no_duration() -> None:
    call, _ = run(signal(RINGING, 0), signal(NO_ANSWER, 30, duration=30))
    assert (call.duration, call.answered_at) == (0, None)


def test_a_told_duration_counts_only_where_nobody_said_when_it_was_answered() -> None:
    assert run(signal(COMPLETED, 40, duration=33))[0].duration == 33
    assert run(signal(COMPLETED, 40, answered=10, duration=33))[0].duration == 30
    assert run(signal(COMPLETED, 40, duration=33), signal(ANSWERED, 10))[0].duration == 30


def test_a_late_answer_is_learned_and_announced_to_nobody() -> None:
    call, decisions = run(signal(INITIATED, 0), signal(COMPLETED, 35), signal(ANSWERED, 5))
    assert (call.status, call.answered_at, call.duration) == (COMPLETED, at(5), 30)
    assert decisions[2].step is Step.LATE
    assert announced(decisions) == [Announcement.INITIATED, Announcement.ENDED]


def test_an_answer_said_to_be_after_the_end_is_taken_to_be_at_the_end() -> None:
    call, _ = run(signal(COMPLETED, 35), signal(ANSWERED, 36))
    assert (call.answered_at, call.duration) == (at(35), 0)


def test_the_first_end_stays() -> None:
    call, decisions = run(signal(BUSY, 10, reason="first"), signal(COMPLETED, 20, reason="second"))
    assert (call.status, call.ended_at, call.end_reason) == (BUSY, at(10), "first")
    assert announced(decisions) == [Announcement.ENDED]


def test_a_record_corrects_how_and_when_a_call_ended() -> None:
    call, decisions = run(
        signal(ANSWERED, 3), signal(FAILED, 600, reason="timeout"), record(COMPLETED, 34, answered=3, duration=31)
    )
    assert (call.status, call.ended_at, call.duration, call.end_reason) == (COMPLETED, at(34), 31, "record")
    assert decisions[2].step is Step.CORRECTION
    assert announced(decisions).count(Announcement.ENDED) == 1


def test_of_several_records_the_one_with_the_latest_end_counts() -> None:
    early, late = record(BUSY, 10), record(COMPLETED, 20, answered=5, duration=15)
    assert run(early, late)[0] == run(late, early)[0]
    assert run(early, late)[0].status is COMPLETED


def test_news_after_a_record_changes_no_end() -> None:
    settled, _ = run(record(NO_ANSWER, 20))
    call, decisions = run(record(NO_ANSWER, 20), signal(ANSWERED, 5), signal(COMPLETED, 25))
    assert (call.status, call.ended_at, call.duration) == (settled.status, settled.ended_at, 0)
    assert [decision.step for decision in decisions[1:]] == [Step.LATE, Step.LATE]


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[CallSignal], list[CallSignal]]:
    """What really happened to one call, as its senders tell it, and the same in any order, with repetitions."""
    final = draw(st.sampled_from(sorted(FINAL)))
    answered = draw(st.booleans()) if final is not COMPLETED else True
    ringing, answer, end = sorted(draw(st.lists(st.integers(1, 600), min_size=3, max_size=3)))
    told = [signal(INITIATED, 0)]
    if draw(st.booleans()):
        told.append(signal(RINGING, ringing))
    if answered:
        told.append(signal(ANSWERED, answer))
    told.append(signal(final, end))
    if draw(st.booleans()):
        told.append(record(final, end, answered=answer if answered else None, duration=end - answer if answered else 0))
    return told, draw(st.permutations(told * draw(st.integers(1, 3))))


@given(histories())
@settings(max_examples=300, deadline=None)
def test_any_order_and_repetition_leads_to_the_same_call(histories: tuple[list[CallSignal], list[CallSignal]]) -> None:
    straight, _ = run(*histories[0])
    shuffled, _ = run(*histories[1])
    assert shuffled == straight


@given(st.lists(st.builds(signal, st.sampled_from(CallStatus), st.integers(0, 600)), min_size=1, max_size=12))
@settings(max_examples=500, deadline=None)
def test_whatever_is_said_the_events_are_legal(signals: list[CallSignal]) -> None:
    call, decisions = run(*signals)
    events = announced(decisions)
    assert len(set(events)) == len(events)
    assert events == sorted(events, key=list(Announcement).index)
    assert (Announcement.ENDED in events) == (call.ended_at is not None) == (call.status in FINAL)
    if Announcement.ANSWERED in events:
        assert events[0] is Announcement.INITIATED
    firsts = [said.status for said in signals if said.status in FINAL]
    assert not firsts or call.status is firsts[0]
    assert call.duration >= 0
    assert call.initiated_at <= (call.answered_at or call.initiated_at)
    assert call.initiated_at <= (call.ended_at or call.initiated_at)
