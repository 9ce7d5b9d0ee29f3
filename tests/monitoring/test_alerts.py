"""Alert rules: each fires for its cause and not without, names metrics that there are, and links to what to do."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from opbx.settings import ROOT
from tests.monitoring.test_dashboard import METRIC

_FILE = ROOT / "deploy/prometheus/rules/alerts.yml"
RULES: dict[str, dict[str, Any]] = {
    rule["alert"]: rule for group in yaml.safe_load(_FILE.read_text())["groups"] for rule in group["rules"]
}

#: By alert: series for which it fires, a value each minute in promtool's notation, and for which it does not.
CAUSES: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "EventsWait": ({"opbx_outbox_oldest_seconds": "0+60x30"}, {"opbx_outbox_oldest_seconds": "3x30"}),
    "DeliveryIsSlow": (
        {
            'opbx_delivery_seconds_bucket{stage="written",le="0.3"}': "0+90x30",
            'opbx_delivery_seconds_bucket{stage="written",le="1.0"}': "0+100x30",
            'opbx_delivery_seconds_bucket{stage="written",le="+Inf"}': "0+100x30",
        },
        {
            'opbx_delivery_seconds_bucket{stage="written",le="0.3"}': "0+100x30",
            'opbx_delivery_seconds_bucket{stage="written",le="1.0"}': "0+100x30",
            'opbx_delivery_seconds_bucket{stage="written",le="+Inf"}': "0+100x30",
        },
    ),
    "EventsCannotBePublished": ({"opbx_events_failed_total": "0+1x30"}, {"opbx_events_failed_total": "7x30"}),
    "QueueGrows": (
        {'opbx_queue_depth{queue="webhooks"}': "2000+100x30"},
        {'opbx_queue_depth{queue="webhooks"}': "2000 0 2000 0 2000 0 2000 0 2000 0 2000 0 2000 0 2000 0 2000"},
    ),
    "ChannelsWait": (
        {"opbx_channels_woken": "600+50x30", 'opbx_queue_depth{queue="broadcasts"}': "1x30"},
        {"opbx_channels_woken": "900 0 900 0 900 0 900 0 900 0 900 0 900 0 900 0 900 0 900 0 900 0 900"},
    ),
    "DeliveriesFail": (
        {'opbx_deliveries_failed_total{why="permanent"}': "0+60x30"},
        {'opbx_deliveries_failed_total{why="tries exhausted"}': "0+60x30"},
    ),
    "TasksFail": (
        {'opbx_tasks_total{task="maintenance.sweep",outcome="failure"}': "0+60x30"},
        {'opbx_tasks_total{task="maintenance.sweep",outcome="success"}': "0+60x30"},
    ),
    "ChannelsStall": ({"opbx_channels_stalled_total": "0+60x30"}, {"opbx_channels_stalled_total": "0+1x30"}),
    "AppWebhooksGivenUp": (
        {'opbx_app_webhooks_total{outcome="given up"}': "0+1x30"},
        {'opbx_app_webhooks_total{outcome="again"}': "0+9x30"},
    ),
    "RelayWithoutBackplane": ({"opbx_relay_backplane_connected": "0x30"}, {"opbx_relay_backplane_connected": "1x30"}),
    "ConnectionsDrop": (
        {'opbx_relay_connections{app="a"}': "1000x15 100x15"},
        {'opbx_relay_connections{app="a"}': "1000x15 800x15"},
    ),
    "ConnectionsAreRefused": (
        {'opbx_relay_connections_closed_total{app="",code="4001"}': "0+120x30"},
        {'opbx_relay_connections_closed_total{app="a",code="1001"}': "0+120x30"},
    ),
    "ReadersAreSlow": (
        {"opbx_relay_slow_readers_closed_total": "0+60x30"}, {"opbx_relay_slow_readers_closed_total": "0+1x30"},
    ),
    "ClientsLoadAnew": ({"opbx_relay_resyncs_total": "0+60x30"}, {"opbx_relay_resyncs_total": "0+1x30"}),
    "RelayIsBusy": (
        {'opbx_process_cpu_seconds_total{job="relay",instance="r",pid="7"}': "0+58x30"},
        {'opbx_process_cpu_seconds_total{job="relay",instance="r",pid="7"}': "0+20x30",
         'opbx_relay_loop_lag_seconds{instance="r"}': "0.01x30"},
    ),
    "FilesRunOut": (
        {'opbx_process_open_files{pid="7"}': "900x30", 'opbx_process_max_files{pid="7"}': "1024x30"},
        {'opbx_process_open_files{pid="7"}': "90x30", 'opbx_process_max_files{pid="7"}': "1024x30"},
    ),
    "WebhooksFail": (
        {'opbx_webhooks_total{endpoint="cdr",outcome="accepted"}': "0+90x30",
         'opbx_webhooks_total{endpoint="cdr",outcome="unavailable"}': "0+10x30"},
        {'opbx_webhooks_total{endpoint="cdr",outcome="accepted"}': "0+90x30",
         'opbx_webhooks_total{endpoint="cdr",outcome="invalid"}': "0+10x30"},
    ),
    "WebhooksAreRefused": (
        {'opbx_webhooks_total{endpoint="cdr",outcome="unauthenticated"}': "0+60x30"},
        {'opbx_webhooks_total{endpoint="cdr",outcome="unauthenticated"}': "0+1x30"},
    ),
    "WebhooksAreSlow": (
        {'opbx_http_request_seconds_bucket{endpoint="webhooks.cdr",le="0.5"}': "0+50x30",
         'opbx_http_request_seconds_bucket{endpoint="webhooks.cdr",le="1.0"}': "0+60x30",
         'opbx_http_request_seconds_bucket{endpoint="webhooks.cdr",le="+Inf"}': "0+60x30"},
        {'opbx_http_request_seconds_bucket{endpoint="calls.list",le="0.5"}': "0+50x30",
         'opbx_http_request_seconds_bucket{endpoint="calls.list",le="+Inf"}': "0+60x30"},
    ),
    "LimitsAreOff": (
        {'opbx_rate_limits_skipped_total{limit="webhooks"}': "0+6x30"},
        {'opbx_rate_limits_skipped_total{limit="webhooks"}': "6x30"},
    ),
    "ProcessIsDown": ({'up{job="relay",instance="r"}': "0x30"}, {'up{job="relay",instance="r"}': "1x30"}),
    "NobodyOfAKind": (
        {'up{job="web"}': "1x30", 'up{job="relay"}': "1x30", 'up{job="worker"}': "1x30"},
        {'up{job="web"}': "1x30", 'up{job="relay"}': "1x30", 'up{job="worker"}': "1x30", 'up{job="beat"}': "1x30"},
    ),
    "SourceIsAway": ({'opbx_source_up{source="broker"}': "0x30"}, {'opbx_source_up{source="broker"}': "1x30"}),
    "RedisMemoryRunsOut": (
        {"opbx_redis_used_memory_bytes": "90x30", "opbx_redis_max_memory_bytes": "100x30"},
        {"opbx_redis_used_memory_bytes": "90x30", "opbx_redis_max_memory_bytes": "0x30"},
    ),
}  # fmt: skip

#: Minutes after which each is looked at.
_AT = 20


@pytest.fixture(scope="module")
def promtool() -> str:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not installed")
    return program


def test_every_alert_has_a_cause_here() -> None:
    assert CAUSES.keys() == RULES.keys()


def test_the_rules_are_valid(promtool: str) -> None:
    checked = subprocess.run([promtool, "check", "rules", str(_FILE)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_each_alert_fires_for_its_cause_and_not_without(promtool: str, tmp_path: Path) -> None:
    tests = []
    for alert, (cause, calm) in CAUSES.items():
        for series, fires in ((cause, True), (calm, False)):
            tests.append(
                {
                    "name": f"{alert} {'fires' if fires else 'is silent'}",
                    "interval": "1m",
                    "input_series": [{"series": name, "values": values} for name, values in series.items()],
                    "promql_expr_test": [
                        {
                            "expr": f'count(ALERTS{{alertname="{alert}",alertstate="firing"}}) > bool 0',
                            "eval_time": f"{_AT}m",
                            "exp_samples": [{"labels": "{}", "value": 1}] if fires else [],
                        }
                    ],
                }
            )
    asked = tmp_path / "tests.yml"
    asked.write_text(yaml.safe_dump({"rule_files": [str(_FILE)], "evaluation_interval": "1m", "tests": tests}))
    done = subprocess.run([promtool, "test", "rules", str(asked)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_metric_is_exported(exported: set[str]) -> None:
    named = {name for rule in RULES.values() for name in METRIC.findall(rule["expr"])}
    assert named - exported == set()


def _anchors(document: str) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", (ROOT / document).read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("alert", sorted(RULES))
def test_every_alert_says_what_to_do(alert: str) -> None:
    page, _, anchor = RULES[alert]["annotations"]["runbook_url"].partition("#")
    assert page == "{{ $externalLabels.docs }}/operations/runbooks.html"
    assert anchor in _anchors("docs/operations/runbooks.md")
    assert RULES[alert]["labels"]["severity"] in {"page", "ticket"}
    assert RULES[alert]["annotations"]["summary"]


def test_alerts_link_to_the_documentation_of_this_installation(promtool: str, tmp_path: Path) -> None:
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    assert config["global"]["external_labels"] == {"docs": "${DOCS_URL}"}
    docs = "https://calls.test/manual"

    def fired(labels: dict[str, str], summary: str, section: str) -> dict[str, Any]:
        link = f"{docs}/operations/runbooks.html#{section}"
        return {
            "exp_labels": {"severity": "page", **labels},
            "exp_annotations": {"summary": summary, "runbook_url": link},
        }

    away = [fired({"source": "broker"}, "broker does not answer beat", "a-source-is-away")]
    nobody = [fired({"job": job}, f"No {job} is running", "a-process-is-down") for job in ("relay", "worker", "beat")]
    series = {'opbx_source_up{source="broker"}': "0x30", 'up{job="web"}': "1x30", 'up{job="beat"}': "0x30"}
    test = {
        "interval": "1m",
        "external_labels": {"docs": docs},
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [
            {"eval_time": "9m", "alertname": "SourceIsAway", "exp_alerts": away},
            {"eval_time": "9m", "alertname": "NobodyOfAKind", "exp_alerts": nobody},
        ],
    }
    asked = tmp_path / "tests.yml"
    asked.write_text(yaml.safe_dump({"rule_files": [str(_FILE)], "evaluation_interval": "1m", "tests": [test]}))
    done = subprocess.run([promtool, "test", "rules", str(asked)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_severity_is_told_to_somebody() -> None:
    config = yaml.safe_load((ROOT / "deploy/alertmanager/alertmanager.yml").read_text())
    receivers = {receiver["name"] for receiver in config["receivers"]}
    assert {config["route"]["receiver"], *(route["receiver"] for route in config["route"]["routes"])} == receivers
    named = re.findall(r"[A-Z]\w+", str(config["inhibit_rules"]))
    assert {*named} <= RULES.keys()


@pytest.mark.skipif(shutil.which("amtool") is None, reason="amtool is not installed")
def test_alertmanager_accepts_its_configuration() -> None:
    file = ROOT / "deploy/alertmanager/alertmanager.yml"
    checked = subprocess.run(["amtool", "check-config", str(file)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
