"""Settings: where a default follows another setting, and that the documentation names what there is."""

import re
from dataclasses import Field
from pathlib import Path
from typing import Any

import pytest

from opbx.settings import ROOT, PusherSettings, RelaySettings, Settings, SettingsError, declared


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for one in _all_settings():
        for name in one.metadata["variables"]:
            monkeypatch.delenv(name, raising=False)


def test_redis_is_looked_for_at_its_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_PORT", "16379")
    settings = Settings.from_environment()
    assert settings.redis_url == settings.broker_url == "redis://127.0.0.1:16379/0"
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere/1")
    settings = Settings.from_environment()
    assert settings.redis_url == settings.broker_url == "redis://elsewhere/1"


def test_everybody_looks_for_the_relay_at_its_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOKETI_PORT", "16001")
    settings = Settings.from_environment()
    assert settings.relay.port == settings.public_ws_port == settings.pusher.port == 16001


def _named(text: str) -> set[str]:
    return set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", text))


def test_a_variable_set_to_nothing_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REDIS_URL", "SOKETI_PORT", "SIMULATE", "BROADCAST_DRIVER"):
        monkeypatch.setenv(name, "")
    assert Settings.from_environment() == Settings()


def test_the_first_of_several_spellings_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOKETI_DEFAULT_APP_MAX_CONNS", "7")
    assert Settings.from_environment().relay.max_connections == 7
    monkeypatch.setenv("SOKETI_DEFAULT_APP_MAX_CONNECTIONS", "8")
    assert Settings.from_environment().relay.max_connections == 8


def test_values_have_the_type_of_their_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOKETI_DEFAULT_APP_ALLOWED_ORIGINS", "https://a.test, https://b.test")
    monkeypatch.setenv("RELAY_DRAIN", "1.5")
    monkeypatch.setenv("SIMULATE", "0")
    settings = Settings.from_environment()
    assert settings.pusher.allowed_origins == ("https://a.test", "https://b.test")
    assert (settings.relay.drain, settings.simulate) == (1.5, False)


@pytest.mark.parametrize(
    ("given", "web", "beat"),
    [
        ({}, "127.0.0.1", "127.0.0.1"),
        ({"METRICS_HOST": "10.0.0.5"}, "10.0.0.5", "10.0.0.5"),
        ({"METRICS_HOST": "10.0.0.5", "BEAT_HOST": "beat"}, "10.0.0.5", "beat"),
        ({"METRICS_HOST": "::"}, "127.0.0.1", "127.0.0.1"),
    ],
)
def test_operators_ask_web_and_beat_where_they_are(
    given: dict[str, str], web: str, beat: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = Settings.from_environment()
    assert (settings.web_host, settings.beat_host) == (web, beat)


@pytest.mark.parametrize(
    ("variable", "value"), [("WEB_PORT", "many"), ("WEB_WORKERS", "0"), ("BROADCAST_DRIVER", "ably"), ("SIMULATE", "?")]
)
def test_an_unusable_value_is_refused_by_name(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=variable):
        Settings.from_environment()


_SAFE = {"OPBX_ENV": "production", "PUSHER_APP_SECRET": "8a7f"}


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PUSHER_APP_SECRET", "pbxappsecret"),
        ("PUSHER_APP_SECRET", ""),
        ("PUSHER_APP_SECRET_PREVIOUS", "7c6d,app-secret"),
        ("PUSHER_APP_SECRET_PREVIOUS", "app-secret,7c6d"),
        ("DEMO_PASSWORD", "Password"),
        ("DEMO_SENDER_KEY", "secret"),
        ("DATABASE_URL", "postgresql://opbx:changeme@postgres/opbx"),
        ("REDIS_URL", "redis://:secret@redis/0"),
        ("CELERY_BROKER_URL", "amqp://opbx:opbx@rabbit//"),
    ],
)
def test_production_refuses_placeholders_by_name(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, safe in _SAFE.items():
        monkeypatch.setenv(name, safe)
    monkeypatch.setenv("DATABASE_URL", "postgresql://opbx:1f2e@postgres/opbx")
    Settings.from_environment()
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=variable):
        Settings.from_environment()
    monkeypatch.setenv("OPBX_ENV", "development")
    Settings.from_environment()


@pytest.mark.parametrize("logins", ["", "owner", "owner:", "owner:changeme", "owner:1f2e,other:Password"])
def test_in_production_flower_is_refused_without_a_password(logins: str) -> None:
    open_to_all = Settings(environment="production", flower_basic_auth=logins)
    with pytest.raises(SettingsError, match="FLOWER_BASIC_AUTH"):
        open_to_all.refuse_open_flower()
    Settings(environment="development", flower_basic_auth=logins).refuse_open_flower()
    Settings(environment="production", flower_basic_auth="owner:1f2e,other:a:b").refuse_open_flower()


def test_no_variable_is_read_for_two_settings() -> None:
    variables = [name for one in _all_settings() for name in one.metadata["variables"]]
    assert len(variables) == len(set(variables))


def test_what_the_documentation_names_is_a_setting() -> None:
    known = {name for one in _all_settings() for name in one.metadata["variables"]}
    assert _named(_table()) - known == set()


def _all_settings() -> list[Field[Any]]:
    return [one for of in (Settings, PusherSettings, RelaySettings) for one in declared(of)]


def _table() -> str:
    """The first two columns of README's table of settings."""
    return "\n".join(line.rsplit("|", 2)[0] for line in _lines("README.md") if line.startswith("| `"))


def _lines(name: str) -> list[str]:
    return Path(ROOT / name).read_text().splitlines()
