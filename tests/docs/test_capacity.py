"""The capacity model: what the documentation shows of it is what it says, and it knows where more does not help."""

import re

import pytest

from bench.capacity import (
    CONNECTIONS_OF_A_RELAY,
    DELIVERY,
    EVENT,
    PLANNED,
    RECONNECTS,
    SIGNATURE,
    Load,
    costs,
    limits,
    need,
    table,
)
from opbx.settings import ROOT

_PAGE = (ROOT / "docs/operations/capacity.md").read_text()
_HEADING = re.compile(r"^## ([\d,]+) organizations, ([\d,]+) dashboards, ([\d,]+) calls/s$", re.MULTILINE)


def _shown() -> list[Load]:
    return [Load(*(int(number.replace(",", "")) for number in found.groups())) for found in _HEADING.finditer(_PAGE)]


@pytest.mark.parametrize("load", _shown(), ids=str)
def test_tables_are_what_the_model_says(load: Load) -> None:
    assert table(load) in _PAGE


def test_the_page_shows_what_the_model_is_made_of_and_where_limits_are() -> None:
    assert costs() in _PAGE
    assert limits() in _PAGE


def test_the_question_that_everybody_asks_is_answered() -> None:
    assert Load(1_000, 100_000, 500) in _shown()


def test_twice_the_calls_need_twice_the_cores() -> None:
    one, two = need(Load(100, 10_000, 50)), need(Load(100, 10_000, 100))
    assert (two.web, two.worker, two.postgresql) == pytest.approx((2 * one.web, 2 * one.worker, 2 * one.postgresql))


def test_relays_are_as_many_as_their_work_and_their_connections_need() -> None:
    assert need(Load(1_000, 100 * CONNECTIONS_OF_A_RELAY, 1)).relays == 100
    busy = Load(2, 10_000, 1_000)  # each event goes to 5,000
    relays = need(busy).relays
    assert relays * PLANNED >= relays * busy.events * EVENT + busy.events * busy.audience * DELIVERY
    assert need(Load(1, 10, 1)).relays == 2


def test_more_events_than_one_relay_hears_are_refused() -> None:
    with pytest.raises(ValueError, match="split the organizations"):
        need(Load(1_000, 1_000, PLANNED / EVENT / 3 + 1))


@pytest.mark.parametrize("calls", [1, 500, 1_200])
def test_clients_come_back_no_sooner_than_relays_take_them_and_web_signs_for_them(calls: float) -> None:
    found = need(Load(1_000, 40_000, calls))
    assert found.back >= 40_000 / found.relays / RECONNECTS
    assert found.back >= 40_000 * SIGNATURE / max(1, found.web)
