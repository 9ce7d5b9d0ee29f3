"""Logs: their form, and what never gets into them."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest
import structlog
from celery.beat import Scheduler

from opbx.operations import logs
from opbx.queue import create_queue
from opbx.settings import Settings


@pytest.fixture(autouse=True)
def _restored(settings: Settings) -> Iterator[None]:
    yield
    logs.configure(settings)


def test_in_production_a_line_is_json(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(replace(settings, environment="production"))
    structlog.get_logger("opbx.test").info("it happened", count=3, password="hidden", url="redis://:pw@host/0")
    logging.getLogger("a.library").warning("told by %s", "another")
    ours, theirs = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert ours["event"] == "it happened"
    assert (ours["level"], ours["count"], ours["password"]) == ("info", 3, "***")
    assert ours["url"] == "redis://:***@host/0"
    assert (theirs["event"], theirs["logger"]) == ("told by another", "a.library")


def test_an_exception_keeps_its_trace_on_one_line(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(replace(settings, environment="production"))
    structlog.get_logger().error("failed", exc_info=ValueError("why"))
    (line,) = capsys.readouterr().err.splitlines()
    assert "ValueError: why" in json.loads(line)["exception"]


def test_elsewhere_a_line_is_for_people(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(settings)
    structlog.get_logger().info("it happened", count=3)
    assert "it happened" in capsys.readouterr().err


def test_a_trace_shows_no_variables(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(settings)
    try:
        hidden = "a secret".upper()
        _ = 1 / len(hidden[:0])
    except ZeroDivisionError:
        structlog.get_logger().exception("failed")
    told = capsys.readouterr().err
    assert "ZeroDivisionError" in told
    assert "A SECRET" not in told


def test_configuring_again_does_not_double_lines(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        logs.configure(settings)
    logging.getLogger("a.library").warning("once")
    assert capsys.readouterr().err.count("once") == 1


def test_beat_tells_of_a_broker_that_is_away_in_one_line(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        logs.configure(settings)

    scheduler = Scheduler(create_queue(replace(settings, broker_url="redis://127.0.0.1:1/0")), lazy=True)
    scheduler.apply_entry(scheduler.Entry(name="sweep", task="maintenance.sweep", app=scheduler.app, options={}))
    (line,) = capsys.readouterr().err.splitlines()
    assert "celery.beat" in line
    assert "sweep: Error 111 connecting to 127.0.0.1:1" in line


@pytest.mark.parametrize(
    ("key", "value", "kept"),
    [
        ("access_token", "abc", "***"),
        ("token_id", "abc", "abc"),
        ("Authorization", "Bearer abc", "***"),
        ("signing_secret", "abc", "***"),
        ("error", "cannot reach postgresql://user:pw@host/db", "cannot reach postgresql://user:***@host/db"),
        ("path", "/api/v1", "/api/v1"),
    ],
)
def test_secrets_are_masked(key: str, value: str, kept: str) -> None:
    assert logs.mask_secrets(None, "info", {key: value}) == {key: kept}
