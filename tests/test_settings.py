"""Settings: where a default follows another setting, and that the documentation names what there is."""

import re
from pathlib import Path

import pytest

from opbx.settings import ROOT, Settings

#: Read by others than our own processes.
_ELSEWHERE = {"POSTGRES_PASSWORD"}


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REDIS_URL", "REDIS_PORT", "CELERY_BROKER_URL", "SOKETI_PORT", "VITE_WS_PORT", "PUSHER_PORT"):
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


def test_what_the_documentation_names_is_a_setting() -> None:
    known = _named((ROOT / "opbx/settings.py").read_text()) | _ELSEWHERE
    # one helper puts these together from Soketi's prefix
    known |= {name for name in _named(_table()) if name.startswith("SOKETI_DEFAULT_APP_MAX_")}
    assert _named(_table()) - known == set()
    example = {line.lstrip("# ").split("=")[0] for line in _lines(".env.example") if re.match(r"(# )?[A-Z_]+=", line)}
    assert example - known == set()


def _table() -> str:
    """The first two columns of README's table of settings."""
    return "\n".join(line.rsplit("|", 2)[0] for line in _lines("README.md") if line.startswith("| `"))


def _lines(name: str) -> list[str]:
    return Path(ROOT / name).read_text().splitlines()
