"""Wakes: one in the queue at a time, and an outage costs requests next to nothing."""

from typing import Any

import fakeredis
import pytest
import structlog
from flask import Flask
from structlog.testing import capture_logs

from opbx.broadcasting import wakes as module
from opbx.broadcasting.breaker import Breaker
from opbx.broadcasting.outbox import broadcast
from opbx.broadcasting.wakes import Wakes
from opbx.database import write_transaction
from opbx.extensions import db
from tests.broadcasting.fakes import Note


class FakeQueue:
    def __init__(self) -> None:
        self.sent: list[tuple[str, ...]] = []
        self.tried = 0
        self.away = False

    def send_task(self, name: str, args: tuple[str, ...]) -> None:
        self.tried += 1
        if self.away:
            raise ConnectionError("no broker")
        self.sent.append((name, *args))


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


def test_wakes_of_a_channel_coalesce_until_its_task_runs(wakes: Wakes, queue: FakeQueue) -> None:
    wakes.wake(["a"])
    wakes.wake(["b", "a"])
    assert queue.sent == [("broadcasts.deliver", "a"), ("broadcasts.deliver", "b")]

    wakes.taken("a")
    wakes.wake({"a", "b"})
    assert queue.sent[2:] == [("broadcasts.deliver", "a")]


def test_a_mark_does_not_outlive_a_lost_task_for_long(wakes: Wakes, redis: fakeredis.FakeRedis) -> None:
    wakes.wake(["a"])

    assert 0 < redis.ttl("opbx:wake:a") <= 5


def test_an_outage_is_tried_once_a_while_and_logged_once(wakes: Wakes, queue: FakeQueue, seconds: Seconds) -> None:
    queue.away = True
    with capture_logs() as logs:
        for channel in "abcdef":
            wakes.wake([channel])
        assert queue.tried == 1

        seconds.now += 1
        wakes.wake(["g"])  # the probe
        wakes.wake(["h"])
        assert queue.tried == 2

        queue.away = False
        seconds.now += 1
        wakes.wake(["i"])
        wakes.wake(["j"])

    assert queue.sent == [("broadcasts.deliver", "i"), ("broadcasts.deliver", "j")]
    assert [entry["log_level"] for entry in logs] == ["warning", "info"]


def test_waking_never_raises_without_redis(queue: Any, redis: fakeredis.FakeRedis) -> None:
    redis.connection_pool.connection_kwargs["server"].connected = False
    wakes = Wakes(redis, queue)

    wakes.wake(["a"])
    wakes.taken("a")

    assert queue.sent == []


def test_a_commit_in_the_application_wakes_the_channel(app: Flask, redis: fakeredis.FakeRedis, queue: Any) -> None:
    app.extensions["opbx_wakes"] = Wakes(redis, queue)
    with app.app_context(), write_transaction(db.session):
        broadcast(db.session, Note())

    assert queue.sent == [("broadcasts.deliver", "presence.org.7")]


def test_a_commit_succeeds_while_redis_is_away(app: Flask) -> None:
    with app.app_context(), write_transaction(db.session):
        assert broadcast(db.session, Note()) == 1
