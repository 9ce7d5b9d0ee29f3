"""The checker finds what is wrong, and nothing where nothing is."""

from typing import Any

from faults.calls import Answer, Call, Webhook
from faults.checker import (
    Verdict,
    check_answers,
    check_calls,
    check_outbox,
    check_subscription,
    expected_events,
    waits,
)
from faults.dashboards import Loaded, Shown, Subscription
from faults.ledger import Head, StoredCall, StoredEvent

CHANNEL = "presence.org.o"
WELL = StoredCall("completed", answered=True, ended=True, settled=True)


def call(**times: tuple[float, float]) -> Call:
    """A call whose webhooks were sent and accepted at these times."""
    made = Call("c", "acme")
    for stage, (sent, accepted) in times.items():
        webhook = Webhook(made, stage, "cdr" if stage == "ended" else "session-update", lambda _: {}, sent)
        webhook.answers.append(Answer(sent, accepted, 200, {"duplicate": False}))
        made.webhooks[stage] = webhook
    return made


def whole() -> Call:
    return call(initiated=(0.0, 0.1), ringing=(1.0, 1.1), answered=(2.0, 2.1), ended=(3.0, 3.1))


def outbox(*names: str, first: int = 1) -> list[StoredEvent]:
    return [StoredEvent(CHANNEL, number, name, "c", None) for number, name in enumerate(names, start=first)]


def subscription(*log: Loaded | Shown) -> Subscription:
    return Subscription(0.0, 0, list(log))


def event(sequence: int, at: float = 1.0) -> Shown:
    return Shown(at, sequence, "call.initiated", "c", applied=True)


def found(check: Any, *arguments: Any) -> tuple[int, int, int]:
    """How much was lost, duplicated and out of order."""
    verdict = Verdict()
    check(*arguments, verdict)
    return len(verdict.lost), len(verdict.duplicated), len(verdict.disordered)


def test_what_must_and_what_may_be_announced() -> None:
    names = {"call.initiated", "call.answered", "call.ended"}
    assert expected_events(whole()) == (names, names)
    late = call(initiated=(0.0, 0.1), ended=(1.0, 1.1), answered=(2.0, 2.1))
    assert expected_events(late) == (names - {"call.answered"}, names - {"call.answered"})
    together = call(initiated=(0.0, 0.1), answered=(1.0, 1.5), ended=(1.2, 1.3))
    assert expected_events(together) == (names - {"call.answered"}, names)


def test_answers() -> None:
    well = whole()
    assert found(check_answers, well.webhooks.values()) == (0, 0, 0)
    well.webhooks["ended"].answers.append(Answer(4.0, 4.1, 503, {}, "30"))
    assert found(check_answers, well.webhooks.values()) == (0, 0, 0)
    well.webhooks["ended"].answers.append(Answer(4.0, 4.1, 503, {}))
    well.webhooks["ended"].answers.append(Answer(5.0, 5.1, 200, {"duplicate": False}))
    assert found(check_answers, well.webhooks.values()) == (1, 1, 0)
    well.webhooks["ringing"].answers[:] = [Answer(0.0, 0.1, 0, {})]
    assert found(check_answers, [well.webhooks["ringing"]]) == (1, 0, 0)


def test_stored_calls() -> None:
    assert found(check_calls, [whole()], {"c": [WELL]}, ["c"]) == (0, 0, 0)
    assert found(check_calls, [whole()], {"c": [WELL, WELL]}, ["c", "c"]) == (0, 2, 0)
    assert found(check_calls, [whole()], {"c": []}, ["c"])[0] >= 1
    half = StoredCall("answered", answered=True, ended=False, settled=False)
    assert found(check_calls, [whole()], {"c": [half]}, []) == (2, 0, 0)


def test_the_outbox() -> None:
    well = outbox("call.initiated", "call.answered", "call.ended")
    heads = {CHANNEL: Head(3, 3, leased=False)}
    assert found(check_outbox, [whole()], well, heads) == (0, 0, 0)
    assert found(check_outbox, [whole()], well[:2], {CHANNEL: Head(2, 2, leased=False)}) == (1, 0, 0)
    assert found(check_outbox, [whole()], well, {CHANNEL: Head(4, 4, leased=False)}) == (1, 0, 0)
    twice = [*well, *outbox("call.ended", first=4)]
    assert found(check_outbox, [whole()], twice, {CHANNEL: Head(4, 4, leased=False)}) == (0, 1, 0)
    turned = outbox("call.answered", "call.initiated", "call.ended")
    assert found(check_outbox, [whole()], turned, heads) == (0, 0, 1)
    gap = [*well[:2], *outbox("call.ended", first=4)]
    assert found(check_outbox, [whole()], gap, heads) == (1, 0, 0)


def test_subscriptions() -> None:
    loaded = Loaded(0.0, 4, "subscribed")
    assert found(check_subscription, subscription(loaded, event(5), event(6)), 6) == (0, 0, 0)
    assert found(check_subscription, subscription(loaded, event(5)), 6) == (1, 0, 0)  # the last is missing
    assert found(check_subscription, subscription(loaded, event(5)), None) == (0, 0, 0)  # it has ended
    assert found(check_subscription, subscription(loaded, event(5), event(5)), 5) == (0, 1, 0)
    assert found(check_subscription, subscription(loaded, event(6), event(5)), 6)[2] == 1
    gap = subscription(loaded, event(7), Loaded(1.0, 7, "gap"))
    assert found(check_subscription, gap, 7) == (1, 0, 0)
    told = subscription(loaded, Loaded(1.0, 7, "resync"), event(8))
    assert found(check_subscription, told, 8) == (0, 0, 0)
    back = subscription(loaded, event(5), Loaded(1.0, 3, "subscribed"))
    assert found(check_subscription, back, 5) == (0, 0, 1)


def test_times() -> None:
    class Steady:
        class login:  # noqa: N801 - stands in for a dashboard
            organization_id = "o"

        history = (subscription(Loaded(0.0, 0, "subscribed"), event(1, at=0.2), event(2, at=9.1)),)

    made = whole()
    made.webhooks["answered"].answers.insert(0, Answer(2.0, 2.05, 503, {}, "30"))
    events = outbox("call.initiated", "call.answered")
    measured = waits([made], events, [Steady()], 2.0)  # type: ignore[list-item]
    assert round(measured.stall, 3) == 7.0  # accepted at 2.1, shown at 9.1
    assert round(measured.healed, 3) == 7.1
