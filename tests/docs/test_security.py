"""The threat model names a test for each measure, and these tests exist."""

import re

from opbx.settings import ROOT

_TABLE = re.compile(r"^\| threat \|.*?(?=\n\n)", re.M | re.S)


def test_every_measure_is_held_by_a_test_that_exists() -> None:
    tables = _TABLE.findall((ROOT / "docs/security.md").read_text())
    rows = [row for table in tables for row in table.splitlines()[2:]]
    assert len(rows) > 20
    for row in rows:
        held_by = row.strip("| ").rpartition(" | ")[2]
        named = re.findall(r"`(tests/[\w/]+\.py)`", held_by)
        assert named or "make audit" in row, row
        assert all((ROOT / path).is_file() for path in named), row
