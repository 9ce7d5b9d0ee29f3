"""The tasks: what they do with what delivery, the sweep and the retry policy tell them."""

from collections.abc import Callable
from typing import NoReturn

import pytest
import structlog
from celery.exceptions import Retry
from redis.exceptions import ConnectionError as RedisDown
from structlog.testing import capture_logs

from opbx.backplane.control import Extend, Order, Terminate
from workers import broadcasts, maintenance

CHANNEL = "presence.org.7"


class FakeWakes:
    def __init__(self) -> None:
        self.did: list[tuple[str, object]] = []

    def taken(self, channel: str) -> None:
        self.did.append(("taken", channel))

    def wake(self, channels: list[str]) -> None:
        self.did.append(("wake", channels))


@pytest.fixture
def wakes(monkeypatch: pytest.MonkeyPatch) -> FakeWakes:
    wakes = FakeWakes()
    monkeypatch.setattr(broadcasts, "wakes", wakes)
    monkeypatch.setattr(maintenance, "wakes", wakes)
    return wakes


@pytest.fixture
def outcome(monkeypatch: pytest.MonkeyPatch, wakes: FakeWakes) -> Callable[[bool | Exception], None]:
    """Says what the next delivery does."""

    def set_outcome(value: bool | Exception) -> None:
        def deliver(channel: str) -> bool:
            wakes.did.append(("deliver", channel))
            if isinstance(value, Exception):
                raise value
            return value

        monkeypatch.setattr(broadcasts.deliverer, "deliver", deliver)

    return set_outcome


def test_the_mark_goes_before_the_delivery(wakes: FakeWakes, outcome: Callable[[bool], None]) -> None:
    outcome(False)
    broadcasts.deliver.run(CHANNEL)

    assert wakes.did == [("taken", CHANNEL), ("deliver", CHANNEL)]


def test_a_flooded_channel_is_queued_again(wakes: FakeWakes, outcome: Callable[[bool], None]) -> None:
    outcome(True)
    broadcasts.deliver.run(CHANNEL)

    assert wakes.did[-1] == ("wake", [CHANNEL])


def test_transient_failures_are_tried_again(
    outcome: Callable[[Exception], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    def retry(*, exc: Exception, countdown: float) -> NoReturn:
        waits.append(countdown)
        raise Retry(exc=exc)

    monkeypatch.setattr(broadcasts.deliver, "retry", retry)
    outcome(RedisDown("away"))
    with pytest.raises(Retry):
        broadcasts.deliver.run(CHANNEL)

    assert 0.25 <= waits[0] <= 0.5


@pytest.mark.parametrize(("error", "retries"), [(RedisDown("away"), 2), (ValueError("a mistake"), 0)])
def test_what_fails_for_good_is_left_to_the_sweeper(
    outcome: Callable[[Exception], None], error: Exception, retries: int
) -> None:
    outcome(error)
    broadcasts.deliver.push_request(retries=retries)
    try:
        broadcasts.deliver.run(CHANNEL)
    finally:
        broadcasts.deliver.pop_request()


@pytest.mark.parametrize("stalled", [[], ["a", "b"]])
def test_the_sweep_wakes_what_it_finds(wakes: FakeWakes, monkeypatch: pytest.MonkeyPatch, stalled: list[str]) -> None:
    monkeypatch.setattr(maintenance, "find_stalled", lambda *_: stalled)
    maintenance.sweep.run()

    assert wakes.did == ([("wake", stalled)] if stalled else [])


def test_standing_orders_are_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    standing: list[Order] = [Terminate("token", "t"), Extend("u", 1.0)]
    sent: list[list[Order]] = []
    monkeypatch.setattr(maintenance, "standing_orders", lambda *_: iter(standing))
    monkeypatch.setattr(maintenance.orders, "send", sent.append)
    maintenance.repeat_orders.run()

    assert sent == [standing]


def test_pruning_tells_what_it_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "log", structlog.get_logger())  # not the one cached before logs are captured
    monkeypatch.setattr(maintenance, "remove_old", lambda *_: {"events": 3, "receipts": 2})
    with capture_logs() as logs:
        maintenance.prune.run()

    assert [(entry["event"], entry["events"]) for entry in logs] == [("pruned", 3)]
