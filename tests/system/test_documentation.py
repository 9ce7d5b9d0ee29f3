"""What the documentation shows is run: every block marked `<!-- run -->`, against a running stack."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from opbx.settings import ROOT
from tests.lines import node
from tests.servers import Server, wait_until
from tests.system.payloads import FORMS
from tests.system.stack import APP_ID, KEY, PASSWORD, SECRET, SENDER_KEY, Stack

pytestmark = pytest.mark.parametrize("stack", ["sqlite"], indirect=True, scope="session")

_BLOCK = re.compile(r"^<!-- run -->\n```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CLIENTS = ROOT / "tests/clients"


@dataclass(frozen=True)
class Sample:
    """One block of a page. One that goes on listens for calls, and is to tell of one."""

    page: str
    number: int
    language: str
    code: str

    @property
    def listens(self) -> bool:
        return "pusher:subscribe" in self.code or ".listen(" in self.code or ".bind(" in self.code


def _samples() -> list[Sample]:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [
        Sample(str(page.relative_to(ROOT)), number, *found.groups())
        for page in pages
        for number, found in enumerate(_BLOCK.finditer(page.read_text()), start=1)
    ]


SAMPLES = _samples()
_IDS = [f"{sample.page}-{sample.number}" for sample in SAMPLES]


def _here(stack: Stack, code: str) -> str:
    """The addresses, the application and its secret are those of the stack; nothing else is another."""
    relay, metrics = stack.relay_ports[0], stack.metrics_ports["relay1"]
    for shown, meant in (
        ("localhost:8000", f"127.0.0.1:{stack.web_port}"),
        ("localhost:6001", f"127.0.0.1:{relay}"),
        ("localhost:9601", f"127.0.0.1:{metrics}"),
        ("'localhost'", "'127.0.0.1'"),
        ('"localhost"', '"127.0.0.1"'),
        ("6001", str(relay)),
        ("pbxappkey", KEY),
        ("pbxappsecret", SECRET),
        ('app_id="1"', f'app_id="{APP_ID}"'),
    ):
        code = code.replace(shown, meant)
    return code


@pytest.fixture
def script(request: pytest.FixtureRequest, stack: Stack, tmp_path: Path) -> Iterator[tuple[str, ...]]:
    """The command that runs the sample."""
    sample: Sample = request.param
    code = _here(stack, sample.code)
    match sample.language:
        case "sh":
            yield ("bash", "-euo", "pipefail", "-c", code)
        case "python":
            path = tmp_path / "sample.py"
            path.write_text(code)
            yield (sys.executable, "-u", str(path))
        case "js":
            path = _CLIENTS / f"sample-{uuid4().hex}.mjs"  # where Node finds the libraries
            path.write_text(f"const password = process.env.PASSWORD;\n{code}")
            yield (node(), str(path))
            path.unlink()
        case other:
            raise AssertionError(f"nobody knows how to run {other}")


@pytest.fixture
def env(stack: Stack) -> dict[str, str]:
    return {**os.environ, **stack.environment, "PASSWORD": PASSWORD, "SENDER_KEY": SENDER_KEY}


def _sorted(listens: bool) -> list[object]:
    return [pytest.param(s, id=i) for s, i in zip(SAMPLES, _IDS, strict=True) if s.listens is listens]


@pytest.mark.parametrize("script", _sorted(listens=False), indirect=True)
def test_what_is_shown_works(script: tuple[str, ...], env: dict[str, str]) -> None:
    done = subprocess.run(
        script, cwd=ROOT, env=env, capture_output=True, text=True, timeout=110, check=False,
        input="a-long-password\na-long-password\n", start_new_session=True,  # no terminal: who asks is answered here
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert done.stdout.strip(), "it says nothing"


@pytest.mark.parametrize("script", _sorted(listens=True), indirect=True)
def test_clients_that_are_shown_hear_of_calls(
    stack: Stack, script: tuple[str, ...], env: dict[str, str], tmp_path: Path
) -> None:
    client = Server("sample", tmp_path, *script, env=env)
    client.start()
    said: list[str] = []

    def heard() -> bool:
        assert client.running, client.tail()
        call_id = uuid4().hex
        for endpoint, body in FORMS["own form"](call_id, "demo.opbx.test"):
            assert stack.webhook(endpoint, body).status_code == 200
        said.append(call_id)
        with suppress(AssertionError):
            wait_until(lambda: call_id in client.tail(200), timeout=2, what="the call")
        return any(call in client.tail(200) for call in said)

    try:
        wait_until(heard, timeout=30, what=f"a call in what it says:\n{client.tail()}")
    finally:
        client.kill()


def test_every_page_for_newcomers_has_something_to_run() -> None:
    pages = {sample.page for sample in SAMPLES}
    assert {"docs/start.md", "docs/webhooks.md", "docs/clients/laravel-echo.md", "docs/clients/pusher-js.md"} <= pages
    assert {"docs/clients/websocket.md", "docs/clients/server-libraries.md"} <= pages
