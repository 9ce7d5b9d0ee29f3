"""The short form of `make faults`: the whole system under load, and the faults that hit the most at once."""

import random

import pytest

from faults.__main__ import bench, cells
from faults.catalog import FAULTS
from tests.postgres import binaries

#: Three rows of one fault, three of two.
SCRIPT = (
    ("redis restarted with data 2 s old",),
    ("kill -9 worker", "sender's clock steps"),
    ("kill -9 web", "relay cut off from redis"),
    ("postgres restarted", "queue full of slow tasks"),
    ("SIGSTOP worker",),
    ("redis restarted without data",),
)


@pytest.mark.timeout(600)
def test_nothing_is_lost_duplicated_or_out_of_order() -> None:
    if binaries() is None:
        pytest.skip("PostgreSQL is not installed")
    by_name = {fault.name: fault for fault in FAULTS}
    script = [[by_name[name] for name in names] for names in SCRIPT]
    rows = bench(script, random.Random(1), seconds=3.0, rate=60.0, organizations=2, abandoned=0.0)
    assert len(rows) == len(SCRIPT)
    wrong = {cells(row): list(row.verdict.lines())[:20] for row in rows if not row.clean}
    assert not wrong, wrong
