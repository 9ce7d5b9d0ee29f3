"""Every process shows what it does, and every figure moves for its cause."""

import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from uuid import uuid4

import pytest
import requests

from tests.figures import Figures, moves
from tests.servers import wait_until
from tests.system.payloads import FORMS
from tests.system.stack import Stack

pytestmark = pytest.mark.parametrize("stack", ["sqlite"], indirect=True)


def test_a_call_is_seen_at_every_stage(stack: Stack) -> None:
    web, relay, workers, beat = (
        stack.metrics_ports["web"], stack.metrics_ports["relay1"],
        [stack.metrics_ports["worker1"], stack.metrics_ports["worker2"]], stack.metrics_ports["beat"],
    )  # fmt: skip
    client = stack.client("pusher", "owner@demo.opbx.test", lambda org: [f"presence-presence.org.{org}"])
    client.wait(lambda line: line["kind"] == "subscribed")
    before = {port: Figures(port) for port in (web, relay, *workers)}
    call_id = uuid4().hex
    steps = list(FORMS["own form"](call_id, "demo.opbx.test"))
    for endpoint, body in steps:
        assert stack.webhook(endpoint, body).status_code == 200
        assert stack.webhook(endpoint, body).json()["duplicate"] is True
    client.wait_events(call_id, 3)

    after = Figures(web)
    for outcome in ("accepted", "duplicate"):
        new = after("opbx_webhooks_total", outcome=outcome) - before[web]("opbx_webhooks_total", outcome=outcome)
        assert new == len(steps), "of all processes of the server, whichever answers"
    assert after("opbx_sender_webhooks_total") - before[web]("opbx_sender_webhooks_total") == 2 * len(steps)
    assert after("opbx_call_transitions_total") - before[web]("opbx_call_transitions_total") == len(steps)
    assert after("opbx_http_request_seconds_count", endpoint="webhooks.cdr") >= 0

    delivery = "opbx_delivery_seconds_count"
    for stage in ("taken", "published"):
        old = sum(before[port](delivery, stage=stage) for port in workers)
        wait_until(
            lambda s=stage, o=old: sum(Figures(p)(delivery, stage=s) for p in workers) == o + 3,  # type: ignore[misc]
            what=stage,
        )
    moves(relay, delivery, before[relay](delivery, stage="written"), 3, stage="written")
    moves(relay, "opbx_relay_messages_sent_total", before[relay]("opbx_relay_messages_sent_total", app="4711"), 3)
    moves(relay, "opbx_relay_subscriptions", 0, 1, app="4711", kind="presence")
    moves(relay, "opbx_relay_present_users", 0, 1, app="4711")
    for count in ("opbx_tasks_total", "opbx_task_seconds_count"):
        old = sum(before[port](count, task="broadcasts.deliver") for port in workers)
        wait_until(
            lambda c=count, o=old: sum(Figures(p)(c, task="broadcasts.deliver") for p in workers) > o,  # type: ignore[misc]
            what=count,
        )
    idle = Figures(beat)
    assert idle("opbx_outbox_pending_events") == 0
    assert idle("opbx_relay_nodes") == 2
    assert [idle("opbx_source_up", source=s) for s in ("database", "broker", "redis")] == [1, 1, 1]


@pytest.mark.parametrize(("key", "outcome"), [("wrong", "unauthenticated")])
def test_refused_webhooks_are_counted_by_why(stack: Stack, key: str, outcome: str) -> None:
    port = stack.metrics_ports["web"]
    before = Figures(port)("opbx_webhooks_total", outcome=outcome)
    answer = requests.post(
        f"{stack.web_url}/api/webhooks/cloudonix/cdr", json={"domain": "demo.opbx.test"},
        headers={"Authorization": f"Bearer {key}"}, timeout=10,
    )  # fmt: skip
    assert answer.status_code == 401
    moves(port, "opbx_webhooks_total", before, 1, outcome=outcome)


@pytest.fixture
def without_workers(stack: Stack) -> Iterator[None]:
    for worker in stack.workers:
        worker.kill()
    yield
    for worker in stack.workers:
        worker.start()


@pytest.mark.usefixtures("without_workers")
def test_what_nobody_delivers_is_seen_to_wait(stack: Stack) -> None:
    endpoint, body = next(iter(FORMS["own form"](uuid4().hex, "demo.opbx.test")))
    assert stack.webhook(endpoint, body).status_code == 200
    time.sleep(0.2)
    figures = Figures(stack.metrics_ports["beat"])
    assert figures("opbx_outbox_pending_events") == 1
    assert figures("opbx_outbox_oldest_seconds") > 0.1
    assert figures("opbx_queue_depth", queue="broadcasts") >= 1
    assert figures("opbx_channels_woken") >= 1


def test_what_redis_uses_and_may_use_is_seen(stack: Stack) -> None:
    port, ballast, limit = stack.metrics_ports["beat"], 8_000_000, 1_000_000_000
    used = Figures(port)("opbx_redis_used_memory_bytes")
    with stack.redis.client() as redis:
        redis.set("ballast", b"x" * ballast)
        redis.config_set("maxmemory", limit)
        try:
            moves(port, "opbx_redis_used_memory_bytes", used, 0.9 * ballast)
            assert Figures(port)("opbx_redis_max_memory_bytes") == limit
        finally:
            redis.config_set("maxmemory", 0)
            redis.delete("ballast")
    assert Figures(port)("opbx_redis_max_memory_bytes") == 0


def test_every_process_says_whether_it_is_ready(stack: Stack) -> None:
    for name, port in stack.metrics_ports.items():

        def ready(port: int) -> bool:
            with suppress(requests.ConnectionError):
                return requests.get(f"http://127.0.0.1:{port}/ready", timeout=10).text == "OK"
            return False

        wait_until(partial(ready, port), timeout=60, what=f"{name} being ready")


def test_metrics_are_not_on_public_ports(stack: Stack) -> None:
    for port in (stack.web_port, *stack.relay_ports):
        answer = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10)
        assert "opbx_" not in answer.text
    for name in ("web", "relay1"):
        port = stack.metrics_ports[name]
        assert requests.get(f"http://127.0.0.1:{port}/api/v1/health", timeout=10).status_code == 404
        assert requests.get(f"http://127.0.0.1:{port}/app/stack-key", timeout=10).status_code == 404
