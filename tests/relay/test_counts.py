"""Admission: as many as the app may have, also while the backplane is away."""

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
