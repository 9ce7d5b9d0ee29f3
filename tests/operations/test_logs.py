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


def _frame(**call: object) -> str:
    return json.dumps({"event": "call.initiated", "data": json.dumps(call)})


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ({"from_number": "12025550100"}, {"from_number": "***0100"}),
        ({"calls": [{"to": "4989123456"}]}, {"calls": [{"to": "***3456"}]}),
        ({"did": ["12025550100", "100"]}, {"did": ["***0100", "100"]}),
        ({"to_number": 12025550100}, {"to_number": "***0100"}),
        ({"text": '{"from_number": "12025550100"}'}, {"text": '{"from_number": "***0100"}'}),
        ({"text": '{"to":"12025550100","extension":"12345678"}'}, {"text": '{"to":"***0100","extension":"***5678"}'}),
        ({"text": '{"did":12025550100}'}, {"text": '{"did":***0100}'}),
        ({"text": '{"from_number":"1202555010'}, {"text": '{"from_number":"***5010'}),
        ({"text": _frame(from_number="12025550100", sequence=9)}, {"text": _frame(from_number="***0100", sequence=9)}),
        ({"text": json.dumps(_frame(did="12025550100"))}, {"text": json.dumps(_frame(did="***0100"))}),
        ({"error": "{'to_number': '12025550100'}"}, {"error": "{'to_number': '***0100'}"}),
        ({"path": "/calls?phone=12025550100&page=2"}, {"path": "/calls?phone=***0100&page=2"}),
    ],
)
def test_a_phone_number_without_a_plus_is_known_by_its_field(told: dict[str, object], kept: dict[str, object]) -> None:
    assert logs.mask_secrets(None, "debug", {"level": "debug", **told}) == {"level": "debug", **told}
    assert logs.mask_secrets(None, "info", told) == kept


@pytest.mark.parametrize(
    "told",
    [
        {"sequence": 123456789012, "socket_id": "12345678.87654321", "did_id": "12025550100", "extension": "1001"},
        {"from": 1_700_000_000_123, "to": 1_700_000_000, "timestamp": "1700000000123", "call_id": "12025550100"},
        {"from": "2026-11-25T03:40:00Z", "did": None, "phone": True, "to": "20261125T034000Z"},
        {"text": '{"sequence":123456789012,"call_id":"12025550100","extension_id":"12345678","from":1700000000123}'},
        {"text": _frame(call_id="12025550100", timestamp=1_700_000_000_123, sequence=1_234_567_890)},
        {"path": "/api/v1/calls?from=1700000000&to=1700000060&photo=12025550100"},
    ],
)
def test_other_digits_are_left(told: dict[str, object]) -> None:
    assert logs.mask_secrets(None, "info", dict(told)) == told


def test_secrets_are_masked_at_any_depth() -> None:
    told = logs.mask_secrets(None, "info", {"request": {"headers": [{"Authorization": "Bearer x"}]}})
    assert told == {"request": {"headers": [{"Authorization": "***"}]}}


def test_in_production_what_an_exception_says_is_masked(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(replace(settings, environment="production"))
    structlog.get_logger().error("failed", exc_info=ValueError("no call from +14155551234"))
    (line,) = capsys.readouterr().err.splitlines()
    assert "no call from +***1234" in json.loads(line)["exception"]
