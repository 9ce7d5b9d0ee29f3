"""The backoff: growing, jittered, several tries, and over within five minutes."""

from hypothesis import given
from hypothesis import strategies as st

from opbx.webhooks.retry import Again, Backoff, GiveUp


def longest(_low: float, high: float) -> float:
    return high


def test_rests_grow_up_to_a_limit() -> None:
    backoff = Backoff(jitter=longest)
    assert [backoff.rest(failures) for failures in (1, 2, 3, 5, 6, 1000)] == [1, 2, 4, 16, 30, 30]


@given(st.floats(0, 10), st.randoms(use_true_random=False))
def test_the_whole_takes_five_minutes_at_most(duration: float, random: "st.randoms") -> None:  # type: ignore[valid-type]
    backoff = Backoff(jitter=random.uniform)  # type: ignore[attr-defined]
    age, tries = duration, 1
    while isinstance(decision := backoff.decide(backoff.rest(tries), age), Again):
        age += decision.after
        assert age <= 300
        age += duration
        tries += 1
    assert tries >= 7
    assert age >= 300 - 30 - 1
    assert decision == GiveUp("not accepted within 300 s")


def test_waits_are_spread() -> None:
    decisions = {Backoff().decide(5.0, 0.0) for _ in range(20)}
    assert len(decisions) > 10
    assert all(isinstance(again, Again) and 5.05 <= again.after <= 5.5 for again in decisions)


def test_nobody_waits_for_long_without_looking() -> None:
    assert Backoff(jitter=longest).decide(1e6, 0.0) == Again(30.5)
