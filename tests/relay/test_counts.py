"""Admission: as many as the app may have, also while the backplane is away."""

import time
from typing import cast

import pytest

from opbx.apps import App
from opbx.backplane.scripts import Call
from opbx.relay.connection import Connection
from opbx.relay.counts import Admission
from opbx.relay.ledger import Done, Ledger
from tests.relay.fakes import FakeConnection


class NoLedger:
    """A backplane that is away: calls are taken and never answered."""

    def submit(self, call: Call, done: Done | None = None) -> None:
        """Nothing comes of it."""


@pytest.mark.parametrize(("most", "admitted"), [(2, 2), (0, 0), (-1, 5)])
def test_alone_a_node_admits_by_its_own_count(most: int, admitted: int) -> None:
    inside: list[Connection] = []
    outside: list[Connection] = []
    admission = Admission(cast(Ledger, NoLedger()), lambda: "node", inside.append, outside.append)
    app = App(id="app", key="key", secret="secret", max_connections=most)
    for number in range(5):
        admission.ask(cast(Connection, FakeConnection(f"1.{number}", app)), alone=True)
    assert (len(inside), len(outside)) == (admitted, 5 - admitted)


class SlowLedger:
    """A backplane that answers when it is told to."""

    def __init__(self) -> None:
        self._waiting: list[Done] = []

    def submit(self, call: Call, done: Done | None = None) -> None:
        if done is not None:
            self._waiting.append(done)

    def answer(self, granted: int) -> None:
        self._waiting.pop(0)(granted)


def test_whoever_has_waited_too_long_is_let_in_once() -> None:
    inside: list[Connection] = []
    outside: list[Connection] = []
    ledger = SlowLedger()
    admission = Admission(cast(Ledger, ledger), lambda: "node", inside.append, outside.append)
    app = App(id="app", key="key", secret="secret", max_connections=3)
    asked, waiting, late, fresh = (cast(Connection, FakeConnection(f"1.{number}", app)) for number in range(4))
    fresh.seen = time.monotonic() + 60
    for one in (asked, waiting, late, fresh):
        admission.ask(one, alone=False)
    late.seen = time.monotonic() + 60
    admission.hurry()
    assert inside == [asked, waiting]
    ledger.answer(1)  # for the first, who is in already
    ledger.answer(1)
    assert (inside, outside) == ([asked, waiting, late], [fresh])
