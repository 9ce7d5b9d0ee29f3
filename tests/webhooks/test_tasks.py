"""The tasks: what they do with what dispatcher and sender tell them."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, NoReturn

import pytest
from celery.exceptions import Reject, Retry
from kombu.exceptions import OperationalError
from redis.exceptions import ConnectionError as RedisDown
from sqlalchemy.exc import SQLAlchemyError

import workers
from opbx.apps import App, Apps
from opbx.backplane import hooks
from opbx.dead_letters import letters
from opbx.settings import SettingsError
from opbx.webhooks.batches import Batch
from opbx.webhooks.retry import Again, GiveUp
from opbx.webhooks.sending import Outcome, Sent
from workers import webhooks

BATCH = Batch("id", "a", "http://receiver/", 1, "{}")


@pytest.fixture(autouse=True)
def apps(monkeypatch: pytest.MonkeyPatch) -> Apps:
    apps = Apps([App(id="a", key="a", secret="a"), App(id="b", key="b", secret="b")])
    monkeypatch.setattr(webhooks, "apps", apps)
    return apps


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    for level in ("debug", "info", "warning", "error"):
        monkeypatch.setattr(webhooks.log, level, lambda event, **_: said.append(event))
    return said


def send_with(monkeypatch: pytest.MonkeyPatch, outcome: Outcome) -> None:
    monkeypatch.setattr(webhooks.sender, "send", {BATCH: outcome}.__getitem__)
    webhooks.send.run(**asdict(BATCH))


@pytest.mark.parametrize(("asked", "expected"), [((), ["a", "b"]), (("b",), ["b"]), (("gone",), [])])
def test_dispatch_takes_all_apps_or_one(
    monkeypatch: pytest.MonkeyPatch, asked: tuple[str, ...], expected: list[str]
) -> None:
    taken: list[str] = []

    def dispatch(apps: Iterable[App]) -> None:
        taken.extend(app.id for app in apps)

    monkeypatch.setattr(webhooks.dispatcher, "dispatch", dispatch)
    webhooks.dispatch.run(*asked)
    assert taken == expected


@pytest.mark.parametrize("error", [RedisDown(), OperationalError()])
def test_dispatch_waits_for_what_is_away(monkeypatch: pytest.MonkeyPatch, said: list[str], error: Exception) -> None:
    def dispatch(_: object) -> NoReturn:
        raise error

    monkeypatch.setattr(webhooks.dispatcher, "dispatch", dispatch)
    webhooks.dispatch.run()
    assert said == ["webhook events wait"]


def test_batches_go_to_the_queue_as_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    queued: list[Any] = []
    monkeypatch.setattr(workers.app, "send_task", lambda name, kwargs: queued.append((name, kwargs)))
    webhooks.dispatcher._send(BATCH)
    assert queued == [("webhooks.send", asdict(BATCH))]


def test_what_was_not_accepted_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[tuple[float, int]] = []

    def retry(*, kwargs: dict[str, Any], countdown: float) -> Retry:
        waits.append((countdown, kwargs["attempts"]))
        return Retry()

    monkeypatch.setattr(webhooks.send, "retry", retry)
    for outcome in (Again(7.0), Again(8.0, tried=True)):  # the endpoint was busy; it was asked and refused
        with pytest.raises(Retry):
            send_with(monkeypatch, outcome)
    assert waits == [(7.0, 0), (8.0, 1)]


def test_nothing_is_lost_when_it_cannot_be_queued_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def retry(**_: Any) -> NoReturn:
        raise Reject("broker away", requeue=False)

    monkeypatch.setattr(webhooks.send, "retry", retry)
    with pytest.raises(Reject) as rejection:
        send_with(monkeypatch, Again(7.0))
    assert rejection.value.args[1]  # requeue


def test_what_is_given_up_is_said_and_kept(monkeypatch: pytest.MonkeyPatch, said: list[str]) -> None:
    kept: list[tuple[str, str, int]] = []
    monkeypatch.setattr(letters, "keep", lambda _, batch, reason, __: kept.append((batch.id, reason, batch.attempts)))
    send_with(monkeypatch, GiveUp("why", tried=True))
    assert said == ["webhook given up"]
    assert kept == [("id", "why", 1)]


def test_what_cannot_be_kept_is_given_up_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> NoReturn:
        raise SQLAlchemyError("the database is away")

    monkeypatch.setattr(letters, "keep", away)
    monkeypatch.setattr(webhooks.send, "retry", lambda **_: Retry())
    with pytest.raises(Retry):
        send_with(monkeypatch, GiveUp("why"))


@pytest.mark.parametrize("waiting", [{}, {"a": 2}])
def test_after_success_what_gathered_goes_on(monkeypatch: pytest.MonkeyPatch, waiting: dict[str, int]) -> None:
    delayed: list[str] = []
    monkeypatch.setattr(hooks, "waiting", lambda _redis, _apps: waiting)
    monkeypatch.setattr(webhooks.dispatch, "delay", delayed.append)
    send_with(monkeypatch, Sent())
    assert delayed == list(waiting)


def test_success_is_success_without_redis(monkeypatch: pytest.MonkeyPatch, said: list[str]) -> None:
    def waiting(*_: object) -> NoReturn:
        raise RedisDown

    monkeypatch.setattr(hooks, "waiting", waiting)
    send_with(monkeypatch, Sent())
    assert said == ["the next batch waits for the next dispatch"]


def test_a_file_that_is_wrong_changes_nothing(monkeypatch: pytest.MonkeyPatch, apps: Apps, said: list[str]) -> None:
    def refresh() -> NoReturn:
        raise SettingsError

    monkeypatch.setattr(webhooks.dispatcher, "dispatch", list)
    monkeypatch.setattr(apps, "refresh", refresh)
    webhooks.dispatch.run()
    assert said == ["apps stay as they were"]
    monkeypatch.setattr(apps, "refresh", lambda: True)
    webhooks.dispatch.run()
    assert said[1:] == ["apps read again"]
