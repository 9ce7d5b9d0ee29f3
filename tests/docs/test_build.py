"""The documentation is built without a warning: no link that leads nowhere, no page that is missing."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from opbx.settings import ROOT, PusherSettings, RelaySettings, Settings, declared

pytestmark = pytest.mark.skipif(importlib.util.find_spec("mkdocs") is None, reason="`make docs` was never run")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_in_the_navigation(site: Path) -> None:
    index = (site / "index.html").read_text()
    pages = {str(path.relative_to(site)) for path in site.rglob("*.html")} - {"404.html", "index.html"}
    hidden = {page for page in pages if f'href="{page}"' not in index and not page.startswith("decisions/")}
    assert hidden == set()


def test_the_reference_has_every_setting(site: Path) -> None:
    text = (site / "reference/settings.html").read_text()
    for group in (Settings, PusherSettings, RelaySettings):
        for one in declared(group):
            assert all(name in text for name in one.metadata["variables"]), one.name


def test_the_reference_has_every_route_and_event(site: Path) -> None:
    assert "/api/webhooks/cloudonix/call-initiated" in (site / "reference/api.html").read_text()
    assert '"/broadcasting/auth"' in (site / "reference/openapi.json").read_text()
    events = (site / "reference/events.html").read_text()
    assert all(name in events for name in ("call.initiated", "call.answered", "call.ended", "opbx:resync"))


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    text = (site / "index.html").read_text()
    assert "fonts.googleapis" not in text
    assert 'src="http' not in text
