"""Logs: their form, and what never gets into them."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest
import structlog

from opbx.operations import logs
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


def test_elsewhere_a_trace_shows_no_local_variables(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(credentials: str) -> None:
        raise ValueError(f"no good: {len(credentials)}")

    logs.configure(settings)
    try:
        fail("hunter" + "2")
    except ValueError:
        structlog.get_logger().exception("failed")
    told = capsys.readouterr().err
    assert "ValueError: no good: 7" in told
    assert "hunter2" not in told


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


def test_phone_numbers_are_whole_at_debug_only() -> None:
    def told(level: str) -> object:
        return logs.mask_secrets(
            None, level, {"level": level, "text": "from +14155551234", "calls": [{"to": "+498912345"}]}
        )

    assert told("debug") == {"level": "debug", "text": "from +14155551234", "calls": [{"to": "+498912345"}]}
    assert told("info") == {"level": "info", "text": "from +***1234", "calls": [{"to": "+***2345"}]}


def test_secrets_are_masked_at_any_depth() -> None:
    told = logs.mask_secrets(None, "info", {"request": {"headers": [{"Authorization": "Bearer x"}]}})
    assert told == {"request": {"headers": [{"Authorization": "***"}]}}


def test_in_production_what_an_exception_says_is_masked(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(replace(settings, environment="production"))
    structlog.get_logger().error("failed", exc_info=ValueError("no call from +14155551234"))
    (line,) = capsys.readouterr().err.splitlines()
    assert "no call from +***1234" in json.loads(line)["exception"]
