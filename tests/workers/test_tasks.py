"""The tasks: what they do with what delivery, the sweep and the retry policy tell them."""

from collections.abc import Callable, Iterator
from typing import NoReturn

import pytest
import structlog
from celery.exceptions import Retry
from redis.exceptions import ConnectionError as RedisDown
from structlog.testing import capture_logs

from opbx.backplane.control import Extend, Order, Terminate
from opbx.broadcasting.delivery import Delivered
from tests.counters import counted
from workers import broadcasts, maintenance

CHANNEL = "presence.org.7"


class FakeWakes:
    def __init__(self) -> None:
        self.did: list[tuple[str, object]] = []

    def rounds(self, leaving: Callable[[], bool]) -> Iterator[dict[str, str]]:
        for number in (1, 2):
            self.did.append(("take", number))
            yield {CHANNEL: "trail"}

    def wake(self, channels: list[str]) -> None:
        self.did.append(("wake", channels))


@pytest.fixture
def wakes(monkeypatch: pytest.MonkeyPatch) -> FakeWakes:
    wakes = FakeWakes()
    monkeypatch.setattr(broadcasts, "wakes", wakes)
    monkeypatch.setattr(maintenance, "wakes", wakes)
    return wakes


@pytest.fixture
def outcome(monkeypatch: pytest.MonkeyPatch, wakes: FakeWakes) -> Callable[[Delivered | Exception], None]:
    """Says what the next delivery does."""

    def set_outcome(value: Delivered | Exception) -> None:
        def deliver(channels: dict[str, str]) -> Delivered:
            wakes.did.append(("deliver", channels))
            if isinstance(value, Exception):
                raise value
            return value

        monkeypatch.setattr(broadcasts.deliverer, "deliver", deliver)

    return set_outcome


def test_what_was_woken_is_delivered(wakes: FakeWakes, outcome: Callable[[Delivered], None]) -> None:
    outcome(Delivered())
    broadcasts.deliver.run()

    assert wakes.did == [
        ("take", 1),
        ("deliver", {CHANNEL: "trail"}),
        ("take", 2),
        ("deliver", {CHANNEL: "trail"}),
    ]


def test_a_flooded_channel_is_queued_again(wakes: FakeWakes, outcome: Callable[[Delivered], None]) -> None:
    outcome(Delivered(again=[CHANNEL]))
    broadcasts.deliver.run()

    assert wakes.did[-1] == ("wake", [CHANNEL])


def test_transient_failures_are_tried_again(
    outcome: Callable[[Exception], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    def retry(*, args: tuple[dict[str, str]], exc: Exception, countdown: float) -> NoReturn:
        assert args == ({CHANNEL: "trail"},)
        waits.append(countdown)
        raise Retry(exc=exc)

    monkeypatch.setattr(broadcasts.deliver, "retry", retry)
    outcome(RedisDown("away"))
    with pytest.raises(Retry):
        broadcasts.deliver.run()

    assert 0.25 <= waits[0] <= 0.5


@pytest.mark.parametrize(
    ("error", "retries", "why"),
    [(RedisDown("away"), 2, "tries exhausted"), (ValueError("a mistake"), 0, "permanent")],
)
def test_what_fails_for_good_is_left_to_the_sweeper(
    outcome: Callable[[Exception], None], error: Exception, retries: int, why: str
) -> None:
    before = counted("opbx_deliveries_failed_total", why=why)
    outcome(error)
    broadcasts.deliver.push_request(retries=retries)
    try:
        broadcasts.deliver.run()
    finally:
        broadcasts.deliver.pop_request()

    assert counted("opbx_deliveries_failed_total", why=why) == before + 1


def test_each_broken_channel_is_counted_and_the_others_go_on(
    wakes: FakeWakes, outcome: Callable[[Delivered], None]
) -> None:
    before = counted("opbx_deliveries_failed_total", why="permanent")
    outcome(Delivered(again=["a"], broken={"b": ValueError("a mistake"), "c": KeyError("another")}))
    broadcasts.deliver.run()

    assert counted("opbx_deliveries_failed_total", why="permanent") == before + 2 * 2, "two in each of two rounds"
    assert [what for what, _ in wakes.did] == ["take", "deliver", "wake"] * 2


@pytest.mark.parametrize("stalled", [[], ["a", "b"]])
def test_the_sweep_wakes_what_it_finds(wakes: FakeWakes, monkeypatch: pytest.MonkeyPatch, stalled: list[str]) -> None:
    monkeypatch.setattr(maintenance, "find_stalled", lambda *_: stalled)
    before = counted("opbx_channels_stalled_total")
    maintenance.sweep.run()

    assert counted("opbx_channels_stalled_total") == before + len(stalled)
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
