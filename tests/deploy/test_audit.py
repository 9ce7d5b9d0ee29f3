"""`make audit` passes only what was checked."""

import os
import subprocess
from pathlib import Path

import pytest

from opbx.settings import ROOT

#: What each program says, and what it ends with: where nothing is known, where a hole is, where nobody answered.
_PIP = {
    "well": ("No known vulnerabilities found", 0),
    "hole": ("Found 1 known vulnerability in 1 package", 1),
    "away": ("ERROR:pip_audit._cli:Failed to reach the service", 1),
}
_NPM = {
    "well": ("found 0 vulnerabilities", 0),
    "hole": ("2 vulnerabilities (1 moderate, 1 high)", 1),
    "away": ("npm error audit endpoint returned an error", 1),
}


@pytest.mark.parametrize(
    ("pip", "npm", "code", "verdicts"),
    [
        ("well", "well", 0, {"checked"}),
        ("hole", "well", 1, {"HOLES", "checked"}),
        ("well", "hole", 1, {"HOLES", "checked"}),
        ("away", "well", 2, {"NOT", "checked"}),
        ("well", "away", 2, {"NOT", "checked"}),
        ("hole", "away", 1, {"HOLES", "NOT"}),
    ],
)
def test_what_was_not_checked_is_no_pass(tmp_path: Path, pip: str, npm: str, code: int, verdicts: set[str]) -> None:
    for name, (says, ends) in (("pip-audit", _PIP[pip]), ("npm", _NPM[npm])):
        (tmp_path / name).write_text(f"#!/bin/sh\necho '{says}'\nexit {ends}\n")
        (tmp_path / name).chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run([ROOT / ".ci/audit"], env=env, capture_output=True, text=True, timeout=30, check=False)
    lines = done.stdout.strip().rpartition("\n\n")[2].splitlines()
    assert done.returncode == code, done.stdout + done.stderr
    assert len(lines) == 4
    assert {line.split()[0] for line in lines} == verdicts
