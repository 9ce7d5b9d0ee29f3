"""Apps: what the environment and the file may say, in which spellings, and what is refused with which words."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from opbx.apps import App, Apps, Webhook
from opbx.settings import PusherSettings, Settings, SettingsError

ONE: dict[str, Any] = {"id": "acme", "key": "acme-key", "secret": "acme-secret"}
OTHER: dict[str, Any] = {"id": "other", "key": "other-key", "secret": "other-secret"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "apps.json"


def load(file: Path, content: Any, **changes: Any) -> Apps:
    file.write_bytes(content if isinstance(content, bytes) else orjson.dumps(content))
    return Apps.from_settings(Settings(**{"environment": "test", "apps_file": str(file)} | changes))


def only(file: Path, **fields: Any) -> App:
    app = load(file, [ONE | fields]).by_id("acme")
    assert app is not None
    return app


def test_the_environments_app() -> None:
    settings = Settings(environment="test", pusher=PusherSettings(app_id="mine", key="my-key", secret="my-secret"))
    apps = Apps.from_settings(settings)
    app = apps.by_id("mine")
    assert app == apps.by_key("my-key") == App(id="mine", key="my-key", secret="my-secret", own=True)
    assert list(apps) == [app]
    assert apps.by_id("none") is None
    assert apps.by_key("mine") is None
    apps.reload()
    assert list(apps) == [app]
    assert not apps.refresh()


def test_every_variable_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "PUSHER_APP_ID": "mine",
        "SOKETI_DEFAULT_APP_ID": "not this",
        "SOKETI_DEFAULT_APP_KEY": "my-key",
        "SOKETI_DEFAULT_APP_SECRET": "my-secret",
        "PUSHER_APP_SECRET_PREVIOUS": "old-secret, older-secret",
        "SOKETI_DEFAULT_APP_ENABLED": "false",
        "SOKETI_DEFAULT_APP_ENABLE_CLIENT_MESSAGES": "1",
        "SOKETI_DEFAULT_APP_ENABLE_SUBSCRIPTION_COUNT": "true",
        "SOKETI_DEFAULT_APP_ALLOWED_ORIGINS": "https://a.example, https://b.example:8443",
        "SOKETI_DEFAULT_APP_MAX_CONNS": "7",
        "SOKETI_DEFAULT_APP_WEBHOOKS": '[{"url":"https://hooks.example/","event_types":["channel_occupied"]}]',
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("PUSHER_APP_KEY", "PUSHER_APP_SECRET", "PUSHER_APPS_FILE", "OPBX_ENV"):
        monkeypatch.delenv(name, raising=False)
    (app,) = Apps.from_settings(Settings.from_environment())
    assert app == App(
        id="mine",
        key="my-key",
        secret="my-secret",
        previous_secrets=("old-secret", "older-secret"),
        own=True,
        enabled=False,
        client_events=True,
        subscription_count=True,
        allowed_origins=("https://a.example", "https://b.example:8443"),
        max_connections=7,
        webhooks=(Webhook(url="https://hooks.example/", events=frozenset({"channel_occupied"})),),
    )


@pytest.mark.parametrize(
    ("pusher", "message"),
    [
        ({"app_id": "a:b"}, "PUSHER_APP_ID: May have letters"),
        ({"app_id": ""}, "PUSHER_APP_ID: May have letters"),
        ({"key": "a/b"}, "PUSHER_APP_KEY: May have letters"),
        ({"allowed_origins": ("example.org",)}, "SOKETI_DEFAULT_APP_ALLOWED_ORIGINS: example.org: Must be"),
        ({"webhooks": "{"}, "SOKETI_DEFAULT_APP_WEBHOOKS: not JSON"),
        ({"webhooks": "{}"}, "SOKETI_DEFAULT_APP_WEBHOOKS: must be a list"),
        ({"webhooks": '[{"url":"x"}]'}, "SOKETI_DEFAULT_APP_WEBHOOKS: 0.url: Must be an http"),
    ],
)
def test_the_environments_app_refused(pusher: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Apps.from_settings(Settings(environment="test", pusher=PusherSettings(**pusher)))


@pytest.mark.parametrize("wrap", [lambda apps: apps, lambda apps: {"apps": apps}])
def test_apps_of_the_file_come_on_top(file: Path, wrap: Any) -> None:
    apps = load(file, wrap([ONE, OTHER]))
    assert [app.id for app in apps] == ["app-id", "acme", "other"]
    assert apps.by_key("acme-key") == apps.by_id("acme") == App(id="acme", key="acme-key", secret="acme-secret")


def test_every_field(file: Path) -> None:
    app = only(
        file,
        enabled=False,
        allowed_origins=["*"],
        client_events=True,
        subscription_count=True,
        max_connections=1,
        max_backend_events_per_second=2,
        max_client_events_per_second=-1,
        max_read_requests_per_second=4,
        max_payload=5,
        max_presence_members=6,
        webhooks=[{"url": "http://receiver_1:8080/x?y", "events": ["cache_miss"], "channel_prefix": "private-"}],
    )
    assert app == App(
        id="acme",
        key="acme-key",
        secret="acme-secret",
        enabled=False,
        allowed_origins=("*",),
        client_events=True,
        subscription_count=True,
        max_connections=1,
        max_backend_events_per_second=2,
        max_client_events_per_second=-1,
        max_read_requests_per_second=4,
        max_payload=5,
        max_presence_members=6,
        webhooks=(
            Webhook(
                url="http://receiver_1:8080/x?y", events=frozenset({"cache_miss"}), channel_prefix="private-"
            ),
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("spelled", "field", "value"),
    [
        ({"maxConnections": 7}, "max_connections", 7),
        ({"enableClientMessages": True}, "client_events", True),
        ({"enable_client_messages": True}, "client_events", True),
        ({"clientEvents": True}, "client_events", True),
        ({"previousSecrets": ["old"]}, "previous_secrets", ("old",)),
        ({"Enabled": False}, "enabled", False),
        ({"subscriptionCount": True}, "subscription_count", True),
        ({"maxBackendEventsPerSecond": 7}, "max_backend_events_per_second", 7),
        ({"max_backend_events_per_sec": 7}, "max_backend_events_per_second", 7),
        ({"maxClientEventsPerSecond": 7}, "max_client_events_per_second", 7),
        ({"maxReadRequestsPerSecond": 7}, "max_read_requests_per_second", 7),
        ({"max_read_req_per_sec": 7}, "max_read_requests_per_second", 7),
        ({"maxPresenceMembersPerChannel": 7}, "max_presence_members", 7),
        ({"maxEventPayloadInKb": 7}, "max_payload", 7168),
        ({"maxEventPayloadInKb": 0.5}, "max_payload", 512),
        ({"max_message_size": 7}, "max_payload", 7),
        ({"allowedOrigins": ["https://a.example"]}, "allowed_origins", ("https://a.example",)),
    ],
)
def test_spellings_of_others(file: Path, spelled: dict[str, Any], field: str, value: Any) -> None:
    assert getattr(only(file, **spelled), field) == value


def test_reverbs_names_of_id_and_key(file: Path) -> None:
    apps = load(file, [{"app_id": "acme", "app_key": "k", "app_secret": "s"}])
    assert apps.by_id("acme") == App(id="acme", key="k", secret="s")


def test_a_webhook_as_soketi_writes_it(file: Path) -> None:
    soketi = {
        "url": "https://hooks.example/",
        "event_types": ["member_added", "member_removed"],
        "filter": {"channel_name_starts_with": "presence-", "channel_name_ends_with": ".7"},
        "headers": {"Authorization": "Bearer x"},
    }
    app = only(file, webhooks=[soketi])
    (hook,) = app.webhooks
    assert hook == Webhook(
        url="https://hooks.example/",
        events=frozenset({"member_added", "member_removed"}),
        channel_prefix="presence-",
        channel_suffix=".7",
        headers=(("Authorization", "Bearer x"),),
    )
    assert app.wants("member_added", "presence-org.7")
    assert not app.wants("channel_occupied", "presence-org.7")
    assert not app.wants("member_added", "presence-org.8")
    assert not app.wants("member_added", "org.7")
    assert "Bearer" not in repr(app)
    assert "secret" not in repr(app)


def test_without_webhooks_nothing_is_wanted(file: Path) -> None:
    assert not only(file).wants("channel_occupied", "a")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not JSON"),
        (b'[{"id":', "not JSON"),
        (b"7", "must be a list of apps"),
        ({"apps": {}}, "must be a list of apps"),
        ({"apps": [], "more": 1}, "must be a list of apps"),
        (["acme"], "app 1: Invalid input type."),
        ([{}], "app 1: id: Missing data"),
        ([ONE, {"id": "b", "key": "k"}], "app 2 (b): secret: Missing data"),
        ([ONE, ONE | {"key": "k"}], "app acme: there is another app with this id"),
        ([ONE, OTHER | {"key": "acme-key"}], "app other: there is another app with the key acme-key"),
        ([ONE | {"id": "app-id"}], "app app-id: there is another app with this id"),
    ],
)
def test_files_refused(file: Path, content: Any, message: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(message)) as refusal:
        load(file, content)
    assert str(file) in str(refusal.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"id": "a:b"}, "id: May have letters"),
        ({"id": "a\n"}, "id: May have letters"),
        ({"id": 7}, "id: Not a valid string"),
        ({"key": ""}, "key: May have letters"),
        ({"key": "a/b"}, "key: May have letters"),
        ({"secret": ""}, "secret: Shorter than minimum length 1"),
        ({"secret": None}, "secret: Field may not be null"),
        ({"max_conections": 7}, "max_conections: Unknown field"),
        ({"maxConections": 7}, "maxConections: Unknown field"),
        ({"maxConnections": 7, "max_connections": 7}, "max_connections: Given twice"),
        ({"enabled": "yes"}, "enabled: Not a valid boolean"),
        ({"max_connections": "7"}, "max_connections: Must be a whole number above 0, or -1"),
        ({"max_connections": 7.5}, "max_connections: Must be a whole number above 0, or -1"),
        ({"max_connections": 0}, "max_connections: Must be a whole number above 0, or -1"),
        ({"max_client_events_per_second": -2}, "max_client_events_per_second: Must be a whole number above 0"),
        ({"max_payload": -1}, "max_payload: Must be greater than or equal to 1"),
        ({"maxEventPayloadInKb": 0}, "max_event_payload_in_kb: Must be greater than 0"),
        ({"allowed_origins": "*"}, "allowed_origins: Not a valid list"),
        ({"allowed_origins": ["https://a.example/path"]}, "allowed_origins.0: Must be '*', or an origin"),
        ({"webhooks": {}}, "webhooks: Not a valid list"),
        ({"webhooks": [{}]}, "webhooks.0.url: Missing data"),
        ({"webhooks": [{"url": "ftp://a"}]}, "webhooks.0.url: Must be an http or https URL"),
        ({"webhooks": [{"url": "http:///x"}]}, "webhooks.0.url: Must be an http or https URL"),
        ({"webhooks": [{"url": "http://a", "lambda_function": "f"}]}, "webhooks.0.lambda_function: Unknown field"),
        ({"webhooks": [{"url": "http://a", "events": ["vacated"]}]}, "webhooks.0.events.0: Must be one of"),
        ({"webhooks": [{"url": "http://a", "filter": {"by": "x"}}]}, "webhooks.0.filter.by: Unknown field"),
        ({"webhooks": [{"url": "http://a", "headers": {"A B": "x"}}]}, "Not a header's name"),
        ({"webhooks": [{"url": "http://a", "headers": {"A": "x\r\nB: y"}}]}, "Not a header's value"),
    ],
)
def test_fields_refused(file: Path, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(message)) as refusal:
        load(file, [OTHER, ONE | fields])
    assert re.search(rf"{re.escape(str(file))}: app 2\b", str(refusal.value))


def test_all_mistakes_of_an_app_are_told_at_once(file: Path) -> None:
    with pytest.raises(SettingsError, match=r"app 1 \(acme\): .*key: .*; .*enabled: "):
        load(file, [ONE | {"key": "", "enabled": 1.5}])


def test_production_takes_no_placeholder(file: Path) -> None:
    safe = PusherSettings(secret="8a7f")
    assert load(file, [ONE], pusher=safe, environment="production")
    with pytest.raises(SettingsError, match=r"app acme: secret is a placeholder"):
        load(file, [ONE | {"secret": "changeme"}], pusher=safe, environment="production")
    with pytest.raises(SettingsError, match="placeholder"):
        load(file, [ONE | {"previousSecrets": ["8a7e", "changeme"]}], pusher=safe, environment="production")


def test_no_file(file: Path) -> None:
    with pytest.raises(SettingsError, match=r"PUSHER_APPS_FILE .*apps\.json: cannot be read: No such file"):
        Apps.from_settings(Settings(environment="test", apps_file=str(file)))


def test_reloading(file: Path) -> None:
    apps = load(file, [ONE, OTHER])
    before = apps.by_id("acme")
    file.write_bytes(orjson.dumps([ONE | {"enabled": False}]))
    assert apps.by_id("acme") is before
    apps.reload()
    assert before is not None
    assert apps.by_id("acme") == apps.by_key("acme-key") == replace(before, enabled=False)
    assert apps.by_id("other") is None
    assert apps.by_key("other-key") is None
    assert apps.by_id("app-id") is not None


@pytest.mark.parametrize("content", [b"[", b"[{}]", None])
def test_a_reload_that_fails_changes_nothing(file: Path, content: bytes | None) -> None:
    apps = load(file, [ONE])
    before = list(apps)
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError):
        apps.reload()
    assert list(apps) == before
    assert apps.by_key("acme-key") is before[1]


def test_refreshing_only_after_a_change(file: Path) -> None:
    apps = load(file, [ONE])
    assert not apps.refresh()
    file.write_bytes(orjson.dumps([ONE, OTHER]))
    assert apps.refresh()
    assert apps.by_id("other")
    assert not apps.refresh()
    file.write_bytes(b"[")
    with pytest.raises(SettingsError):
        apps.refresh()
    assert not apps.refresh()  # told once
    assert apps.by_id("other")


def test_it_stays_light() -> None:
    """A relay process has no database, no queue and no HTTP client."""
    code = "import sys, opbx.apps; print(*{'sqlalchemy', 'celery', 'requests', 'redis', 'flask'} & sys.modules.keys())"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True, env={**os.environ})
    assert ran.stdout.strip() == ""
