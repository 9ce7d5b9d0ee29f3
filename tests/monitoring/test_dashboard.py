"""The Grafana dashboard shows what is exported, and what operators are told to look at."""

import json
import re
from typing import Any

import pytest

from opbx.settings import ROOT

_DASHBOARD: dict[str, Any] = json.loads(
    (ROOT / "deploy/grafana/provisioning/dashboards/opbx.json").read_text(encoding="utf-8")
)
PANELS = [panel for panel in _DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel["targets"]]

METRIC = re.compile(r"\bopbx_[a-z_]+")


def test_every_metric_is_exported(exported: set[str]) -> None:
    named = {name for expression in EXPRESSIONS for name in METRIC.findall(expression)}
    assert named - exported == set()


def test_nothing_that_is_exported_goes_unseen(exported: set[str]) -> None:
    from tests.monitoring.test_alerts import RULES

    shown = " ".join([*EXPRESSIONS, *(rule["expr"] for rule in RULES.values())])
    families = {re.sub(r"_(bucket|sum|count|total)$", "", name) for name in exported}
    unseen = {family for family in families if family not in shown}
    assert unseen == {"opbx_events_repeated", "opbx_wakes_failed", "opbx_relay_draining"}  # runbooks name these


def test_panels_do_not_overlap_and_have_ids_of_their_own() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in _DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in _DASHBOARD["panels"]}) == len(_DASHBOARD["panels"])


@pytest.mark.parametrize(
    "wanted",
    ["opbx_relay_connections", "opbx_relay_messages_sent_total", "opbx_delivery_seconds_bucket",
     "opbx_relay_connections_closed_total", "opbx_queue_depth", "opbx_channels_woken"],
)  # fmt: skip
def test_the_key_metrics_are_at_a_glance(wanted: str) -> None:
    glance = [panel for panel in PANELS if panel["type"] == "stat"]
    assert any(wanted in target["expr"] for panel in glance for target in panel["targets"])


def test_all_panels_ask_the_provisioned_source() -> None:
    assert {panel["datasource"]["uid"] for panel in PANELS} == {"prometheus"}
