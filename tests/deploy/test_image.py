"""The image, as far as it can be judged without building it: what is copied suffices to start, and nobody is root."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from opbx.settings import ROOT

_BIN = Path(sys.executable).parent


def _instructions() -> list[tuple[str, str]]:
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(line.partition(" ")[0], line.partition(" ")[2]) for line in text.splitlines() if line]


def _last_stage() -> list[tuple[str, str]]:
    instructions = _instructions()
    start = max(number for number, (name, _) in enumerate(instructions) if name == "FROM")
    return instructions[start:]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the last stage that come from the repository, where the builder would put them."""
    folder = tmp_path_factory.mktemp("image")
    for name, arguments in _last_stage():
        if name == "COPY" and not arguments.startswith("--from"):
            source, target = shlex.split(arguments)
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, folder / target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, folder / target)
    return folder


@pytest.mark.parametrize(
    "command",
    [
        ("gunicorn", "-c", "deploy/gunicorn/web.py", "--check-config", "wsgi:app"),
        ("gunicorn", "-c", "deploy/gunicorn/relay.py", "--check-config", "wsgi:relay"),
        ("celery", "-A", "workers", "report"),
        ("opbx", "db", "upgrade"),
    ],
)
def test_every_process_starts_from_what_is_copied(image: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    env |= {
        "DATABASE_URL": f"sqlite:///{tmp_path}/x.sqlite3",
        "OPBX_ENV": "production",
        "PUSHER_APP_SECRET": "6f1c",
        "OPBX_SECRET_KEY": "9a2e" * 10,
    }
    done = subprocess.run(
        [str(_BIN / command[0]), *command[1:]],
        cwd=image,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_operators_command_is_the_one_that_an_installation_has(image: Path, tmp_path: Path) -> None:
    command = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]["opbx"]
    module, _, function = command.partition(":")
    (script,) = re.findall(r"printf '%s\\n' (.+) > /opt/opbx/bin/opbx", (ROOT / "Dockerfile").read_text())
    _, *lines = shlex.split(script)
    assert lines == [f"from {module} import {function}", f"{function}()"]
    (tmp_path / "opbx").write_text("\n".join(lines))
    env = {**os.environ, "PYTHONPATH": str(image)}
    run = [sys.executable, str(tmp_path / "opbx"), "--help"]
    shown = subprocess.run(run, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=True).stdout
    assert "doctor" in shown
    assert "organizations" in shown


def test_what_is_copied_goes_to_the_builder() -> None:
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for name, arguments in _instructions():
        if name == "COPY" and not arguments.startswith("--from"):
            for source in shlex.split(arguments)[:-1]:
                assert source in let_through or source.split("/")[0] in let_through, source
                assert (ROOT / source).exists(), source


def test_nobody_is_root_and_bases_are_pinned() -> None:
    users = [arguments for name, arguments in _last_stage() if name == "USER"]
    assert [user.isdigit() and int(user) > 0 for user in users] == [True]
    stages = [arguments.split()[0] for name, arguments in _instructions() if name == "FROM"]
    assert all(":" in stage and not stage.endswith(":latest") for stage in stages)
