"""The doctor finds what is wrong, says what to do, and finds nothing where all is well."""

import json
import socket
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from redis import Redis

from opbx.operations.cli import main
from opbx.operations.doctor import servers
from opbx.operations.doctor import settings as own
from opbx.operations.doctor.finding import Finding, Level
from opbx.settings import Settings
from tests.protocol.relays import APP_ID, KEY, SECRET, Relays
from tests.servers import free_port

SEAL = "a-key-of-at-least-32-characters-for-tests"


class Patient:
    """An environment in which nothing is wrong but what a test plants; no worker runs there."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path, relays: Relays) -> None:
        self._monkeypatch = monkeypatch
        monkeypatch.setattr(servers, "PING", 0.2)
        self.folder = folder
        self.relays = relays
        self.set(
            OPBX_ENV="production", OPBX_SECRET_KEY=SEAL, DATABASE_URL=f"sqlite:///{folder / 'patient.sqlite3'}",
            REDIS_URL=relays.redis.url, CELERY_BROKER_URL=relays.redis.url, PUSHER_APP_ID=APP_ID, PUSHER_APP_KEY=KEY,
            PUSHER_APP_SECRET=SECRET, PUSHER_HOST="127.0.0.1", PUSHER_PORT=str(relays.ports[0]), VITE_WS_SCHEME="https",
        )  # fmt: skip

    def set(self, **env: str) -> None:
        for name, value in env.items():
            self._monkeypatch.setenv(name, value)

    def findings(self, **env: str) -> dict[str, dict[str, Any]]:
        """By check, what `opbx doctor --json` finds; the worst where a check finds several things."""
        self.set(**env)
        result = CliRunner().invoke(main, ["doctor", "--json"])
        assert result.stdout, result.exc_info
        found = json.loads(result.stdout)
        assert (result.exit_code == 1) is any(f["level"] == "error" for f in found), result.output
        order = {"ok": 0, "warning": 1, "error": 2}
        return {f["check"]: f for f in sorted(found, key=lambda f: order[f["level"]])}


@pytest.fixture(scope="module")
def relays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relays]:
    relays = Relays(tmp_path_factory.mktemp("relay"), 1)
    try:
        relays.start()
        yield relays
    finally:
        relays.stop()


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all migrations."""
    path = tmp_path_factory.mktemp("database") / "patient.sqlite3"
    environment = {"DATABASE_URL": f"sqlite:///{path}", "OPBX_ENV": "test"}
    result = CliRunner(env=environment).invoke(main, ["db", "upgrade"])
    assert result.exit_code == 0, result.output
    with closing(sqlite3.connect(path)) as whole:
        whole.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # so that the file alone is all of it
    return path


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, relays: Relays, database: Path) -> Patient:
    (tmp_path / "patient.sqlite3").write_bytes(database.read_bytes())
    return Patient(monkeypatch, tmp_path, relays)


@pytest.fixture
def evicting(relays: Relays) -> Iterator[str]:
    with relays.redis.client() as redis:
        redis.config_set("maxmemory", "100mb")
        redis.config_set("maxmemory-policy", "allkeys-lru")
        yield relays.redis.url
        redis.config_set("maxmemory", "0")
        redis.config_set("maxmemory-policy", "noeviction")


def test_nothing_is_wrong_where_nothing_is_planted(patient: Patient) -> None:
    found = patient.findings()
    assert {name for name, f in found.items() if f["level"] == "error"} == {"workers"}, "none runs here"
    assert found["relay"]["level"] == found["migrations"]["level"] == found["redis"]["level"] == "ok"
    assert SECRET not in json.dumps(found)


def nowhere() -> str:
    """A port on which nobody listens."""
    return str(free_port())


@pytest.mark.parametrize(
    ("check", "planted", "says"),
    [
        ("settings", lambda p: {"WEB_PORT": "eighty"}, "WEB_PORT"),
        ("settings", lambda p: {"PUSHER_APP_SECRET": "pbxappsecret"}, "PUSHER_APP_SECRET"),
        ("secrets", lambda p: {"OPBX_SECRET_KEY": "short"}, "OPBX_SECRET_KEY"),
        ("ports", lambda p: {"WEB_PORT": "6001"}, "SOKETI_PORT"),
        ("apps", lambda p: {"PUSHER_APPS_FILE": str(p.folder / "missing.json")}, "missing.json"),
        ("broadcasting", lambda p: {"BROADCAST_DRIVER": "null"}, "BROADCAST_DRIVER"),
        ("database", lambda p: {"DATABASE_URL": f"postgresql://u:hidden@127.0.0.1:{nowhere()}/x"}, "does not answer"),
        ("database", lambda p: {"DATABASE_URL": f"sqlite:///{p.folder / 'none.sqlite3'}"}, "none.sqlite3"),
        ("redis", lambda p: {"REDIS_URL": f"redis://:hidden@127.0.0.1:{nowhere()}/0"}, "does not answer"),
        ("broker", lambda p: {"CELERY_BROKER_URL": f"redis://:hidden@127.0.0.1:{nowhere()}/0"}, "does not answer"),
        ("relay", lambda p: {"PUSHER_PORT": nowhere()}, "does not answer"),
        ("relay", lambda p: {"PUSHER_APP_SECRET": "another-one-than-the-relay-has"}, "refuses"),
        ("relay", lambda p: {"PUSHER_APP_ID": "4712"}, "refuses"),
    ],
)
def test_what_is_planted_is_found(
    patient: Patient, check: str, planted: Callable[[Patient], dict[str, str]], says: str
) -> None:
    found = patient.findings(**planted(patient))[check]
    assert found["level"] == "error"
    assert says in found["message"]
    assert found["remedy"]
    assert "hidden" not in found["message"] + found["remedy"]


def test_missing_migrations_are_found(patient: Patient) -> None:
    (patient.folder / "patient.sqlite3").write_bytes(b"")
    found = patient.findings()["migrations"]
    assert (found["level"], found["remedy"]) == ("error", "opbx db upgrade")


def test_a_redis_that_throws_keys_away_is_found(patient: Patient, evicting: str) -> None:
    found = patient.findings(REDIS_URL=evicting)["eviction"]
    assert found["level"] == "error"
    assert "allkeys-lru" in found["message"]


def test_that_no_worker_runs_is_found(patient: Patient) -> None:
    assert patient.findings()["workers"]["level"] == "error"


def of(findings: Iterable[Finding], check: str) -> Finding:
    return next(finding for finding in findings if finding.check == check)


@pytest.mark.parametrize(("ahead", "level"), [(0.0, Level.OK), (5.0, Level.ERROR), (-5.0, Level.ERROR)])
def test_a_clock_that_is_off_is_found(relays: Relays, ahead: float, level: Level) -> None:
    with relays.redis.client() as redis:
        found = of(servers.redis(redis, "redis://x", lambda: time.time() + ahead), "clock")
    assert found.level is level


def test_an_old_redis_is_found() -> None:
    class Old:
        def ping(self) -> bool:
            return True

        def time(self) -> tuple[int, int]:
            return int(time.time()), 0

        def info(self) -> dict[str, str]:
            return {"redis_version": "5.0.14"}

    client: Redis = Old()  # type: ignore[assignment]
    assert of(servers.redis(client, "redis://x"), "redis").level is Level.ERROR


def test_other_packages_than_were_tested_are_found(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("flask==0.1\nno-such-package==1\n")
    (found,) = own.versions(requirements)
    assert found.level is Level.WARNING
    assert "flask" in found.message
    assert "no-such-package is missing" in found.message
    assert of(own.versions(), "versions").level is Level.OK


def test_what_is_of_a_trial_is_found_in_production(settings: Settings) -> None:
    from dataclasses import replace

    messages = " ".join(f.message for f in own.production(replace(settings, environment="production")))
    assert "SQLite" in messages
    assert "TLS" in messages
    assert "FLOWER_BASIC_AUTH" in messages


@pytest.mark.parametrize("name", ["web", "beat"])
def test_a_process_is_looked_for_where_settings_say(patient: Patient, relays: Relays, name: str) -> None:
    port, host = f"{name.upper()}_METRICS_PORT", f"{name.upper()}_HOST"
    there = patient.findings(**{host: "localhost", port: str(relays.metrics_ports[0])})[name]  # it answers as they do
    assert (there["level"], "localhost" in there["message"]) == ("ok", True)
    missing = patient.findings(**{port: nowhere()})[name]
    assert missing["level"] == "warning"
    assert host in missing["remedy"]


def test_it_is_readable(patient: Patient) -> None:
    result = CliRunner().invoke(main, ["doctor"])
    assert "✗ workers" in result.stdout
    assert "→ celery -q -A workers worker" in result.stdout
    assert result.exit_code == 1


def test_a_server_that_hangs_does_not_hang_the_doctor(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "PATIENCE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        started = time.monotonic()
        found = patient.findings(REDIS_URL=f"redis://127.0.0.1:{port}/0", PUSHER_PORT=str(port))
        assert time.monotonic() - started < 30
    assert found["redis"]["level"] == found["relay"]["level"] == "error"
