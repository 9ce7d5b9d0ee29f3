"""Wakes: one in the queue at a time, and an outage costs requests next to nothing."""

from typing import Any

import fakeredis
import pytest
import structlog
from flask import Flask
from structlog.testing import capture_logs

from opbx.backplane import woken
from opbx.breaker import Breaker
from opbx.broadcasting import wakes as module
from opbx.broadcasting.outbox import broadcast
from opbx.broadcasting.wakes import Wakes
from opbx.extensions import transactions
from tests.broadcasting.fakes import Note
from tests.counters import counted


class FakeQueue:
    def __init__(self) -> None:
        self.sent: list[str] = []
        self.tried = 0
        self.away = False

    def send_task(self, name: str) -> None:
        self.tried += 1
        if self.away:
            raise ConnectionError("no broker")
        self.sent.append(name)


class Seconds:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def queue() -> FakeQueue:
    return FakeQueue()


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def wakes(redis: fakeredis.FakeRedis, queue: Any, seconds: Seconds, monkeypatch: pytest.MonkeyPatch) -> Wakes:
    monkeypatch.setattr(module, "log", structlog.get_logger())  # not the one cached before logs are captured
    return Wakes(redis, queue, Breaker(1.0, seconds))


def test_one_task_takes_what_is_woken_until_nothing_is(wakes: Wakes, queue: FakeQueue) -> None:
    wakes.wake(["a"])
    wakes.wake(["b", "a"])
    rounds = wakes.rounds()
    assert sorted(next(rounds)) == ["a", "b"]
    wakes.wake(["a"])
    wakes.wake(["c"])
    assert sorted(next(rounds)) == ["a", "c"]
    assert list(rounds) == []
    assert queue.sent == ["broadcasts.deliver"]

    wakes.wake(["a"])
    assert queue.sent == ["broadcasts.deliver"] * 2


def test_much_to_deliver_calls_another_task_to_help(
    wakes: Wakes, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TAKEN", 2)
    wakes.wake("abcde")

    one = wakes.rounds()
    taken = list(next(one))
    assert queue.sent == ["broadcasts.deliver"] * 2
    helper = wakes.rounds()
    taken += next(helper)
    taken += next(one)
    assert sorted(taken) == list("abcde")
    assert [*one, *helper] == []


def test_a_task_gives_way_after_many_rounds(wakes: Wakes, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROUNDS", 3)
    wakes.wake("a")
    for _ in wakes.rounds():
        wakes.wake("a")

    assert queue.sent == ["broadcasts.deliver"] * 2


def test_a_worker_that_leaves_takes_no_more_and_calls_another(wakes: Wakes, queue: FakeQueue) -> None:
    taken: list[list[str]] = []
    wakes.wake("a")
    for one in wakes.rounds(leaving=lambda: bool(taken)):
        taken.append(list(one))
        wakes.wake("b")

    assert taken == [["a"]]
    assert queue.sent == ["broadcasts.deliver"] * 2
    assert [list(one) for one in wakes.rounds()] == [["b"]]


def test_a_lost_task_holds_up_the_others_for_a_moment_only(
    wakes: Wakes, queue: FakeQueue, redis: fakeredis.FakeRedis
) -> None:
    wakes.wake(["a"])

    assert 0 < redis.pttl(woken.MARK) <= 200
    redis.delete(woken.MARK)  # as it expires
    wakes.wake(["b"])
    assert len(queue.sent) == 2
    assert sorted(next(wakes.rounds())) == ["a", "b"]


def test_an_outage_is_tried_once_a_while_and_logged_once(
    wakes: Wakes, queue: FakeQueue, seconds: Seconds, redis: fakeredis.FakeRedis
) -> None:
    queue.away = True
    failed = counted("opbx_wakes_failed_total")
    with capture_logs() as logs:
        for channel in "abcdef":
            wakes.wake([channel])
        assert queue.tried == 1
        redis.delete(woken.MARK)

        seconds.now += 1
        wakes.wake(["g"])  # the probe
        wakes.wake(["h"])
        assert queue.tried == 2

        queue.away = False
        seconds.now += 1
        redis.delete(woken.MARK)
        wakes.wake(["i"])
        wakes.wake(["j"])

    assert queue.sent == ["broadcasts.deliver"]
    assert [entry["log_level"] for entry in logs] == ["warning", "info"]
    assert counted("opbx_wakes_failed_total") == failed + len("abcdefgh")


def test_waking_never_raises_without_redis(queue: Any, redis: fakeredis.FakeRedis) -> None:
    redis.connection_pool.connection_kwargs["server"].connected = False
    wakes = Wakes(redis, queue)

    wakes.wake(["a"])

    assert queue.sent == []


def test_a_commit_in_the_application_wakes_the_channel(app: Flask, redis: fakeredis.FakeRedis, queue: Any) -> None:
    app.extensions["opbx_wakes"] = Wakes(redis, queue)
    with app.app_context(), transactions().begin() as transaction:
        broadcast(transaction, Note())

    assert queue.sent == ["broadcasts.deliver"]
    assert redis.hkeys(woken.WOKEN) == [b"presence.org.7"]


def test_a_commit_succeeds_while_redis_is_away(app: Flask) -> None:
    with app.app_context(), transactions().begin() as transaction:
        broadcast(transaction, Note())


def test_a_channel_comes_with_the_trail_of_who_woke_it_last(wakes: Wakes) -> None:
    for request_id, channels in (("one", ["a", "b"]), ("two", ["b"])):
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            wakes.wake(channels)

    assert list(wakes.rounds()) == [{"a": "one", "b": "two"}]
