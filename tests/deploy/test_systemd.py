"""The systemd units: systemd itself accepts them, and they start what there is."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from opbx.settings import ROOT
from tests.deploy.environment import check_command, is_known

_UNITS = sorted((ROOT / "deploy/systemd").iterdir())


def _commands(unit: Path) -> list[str]:
    return re.findall(r"^ExecStart=/opt/opbx/\.venv/bin/(.+)$", unit.read_text(), flags=re.MULTILINE)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_accepts_all_units(tmp_path: Path) -> None:
    for unit in _UNITS:  # it looks for the programs, which are elsewhere here
        here = unit.read_text().replace("/opt/opbx/.venv/bin", str(Path(sys.executable).parent))
        (tmp_path / unit.name).write_text(here.replace("/opt/opbx", str(ROOT)))
    (tmp_path / "opbx-worker@.service").rename(tmp_path / "opbx-worker@9603.service")
    files = [str(path) for path in tmp_path.iterdir()]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *files],
        capture_output=True, text=True, timeout=60, check=False, env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )  # fmt: skip
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("unit", [unit for unit in _UNITS if unit.suffix == ".service"], ids=lambda unit: unit.name)
def test_commands_start_what_there_is(unit: Path) -> None:
    (command,) = _commands(unit)
    check_command(command)
    variables = re.findall(r"^Environment=([A-Z_]+)=", unit.read_text(), flags=re.MULTILINE)
    assert all(is_known(variable) for variable in variables)


def test_the_target_starts_one_of_each_that_serves() -> None:
    wanted = set(re.findall(r"opbx-\w+@?(?=[\d.])", (ROOT / "deploy/systemd/opbx.target").read_text()))
    assert wanted == {"opbx-web", "opbx-relay", "opbx-worker@", "opbx-beat"}
    assert {unit.stem for unit in _UNITS if unit.suffix == ".service"} == wanted | {"opbx-flower"}
