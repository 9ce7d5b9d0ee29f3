"""A relay's figures: each moves for its cause, over all processes of one server, also when one of them is killed."""

import os
import signal
import socket
from collections.abc import Callable, Iterator

import psutil
import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.protocol.relays import Relays
from tests.servers import wait_until

SETTINGS = {
    "SOKETI_METRICS_NAMES": "1",
    "SOKETI_DEFAULT_APP_ENABLE_CLIENT_MESSAGES": "1",
    "SOKETI_DEFAULT_APP_MAX_CLIENT_EVENTS_PER_SECOND": "1",
    "SOKETI_DEFAULT_APP_MAX_CONNECTIONS": "8",
    "SOKETI_PRESENCE_MAX_MEMBERS": "1",
    "RELAY_SEND_BUFFER": "65536",
    "RELAY_MAX_CHANNELS_PER_CONNECTION": "2",
    "RELAY_WORKERS": "2",
}


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relays]:
    relays = Relays(tmp_path_factory.mktemp("relays"), 1, **SETTINGS)
    try:
        relays.start()
        yield relays
    finally:
        relays.stop()


@pytest.fixture(autouse=True)
def leave(relay: Relays) -> Iterator[None]:
    yield
    relay.close_clients()
    wait_until(lambda: figure(relay, "opbx_relay_connections") == 0, what="no connections")


def figure(relay: Relays, name: str, **labels: str) -> float:
    text = requests.get(f"http://127.0.0.1:{relay.metrics_ports[0]}/metrics", timeout=10).text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return sum(s.value for s in samples if s.name == name and labels.items() <= s.labels.items())


def moving(relay: Relays, cause: Callable[[], object], name: str, by: float = 1, **labels: str) -> None:
    before = figure(relay, name, **labels)
    cause()
    wait_until(lambda: figure(relay, name, **labels) >= before + by, timeout=15, what=f"{name}{labels} by {by}")


def test_connections_of_all_processes_are_counted(relay: Relays) -> None:
    before = figure(relay, "opbx_relay_connections_opened_total", app="4711")
    clients = [relay.socket().greet() for _ in range(5)]
    wait_until(lambda: figure(relay, "opbx_relay_connections", app="4711") == 5, what="5 connections")
    assert figure(relay, "opbx_relay_connections_opened_total", app="4711") - before == 5
    assert figure(relay, "soketi_connected", app_id="4711", port=str(relay.ports[0])) == 5
    moving(relay, clients[0].close, "opbx_relay_connections_closed_total", code="1006")
    wait_until(lambda: figure(relay, "opbx_relay_connections", app="4711") == 4, what="4 connections")


def test_messages_and_bytes_are_counted_both_ways(relay: Relays) -> None:
    client = relay.socket().greet()
    moving(relay, lambda: client.send("pusher:ping", {}), "opbx_relay_messages_received_total", app="4711")
    moving(relay, lambda: client.send("pusher:ping", {}), "opbx_relay_messages_sent_total", app="4711")
    moving(relay, lambda: client.send("pusher:ping", {"x": "y" * 900}), "opbx_relay_received_bytes_total", 900)
    moving(relay, lambda: client.send("pusher:ping", {}), "opbx_relay_sent_bytes_total", 10)
    moving(relay, lambda: client.send("pusher:ping", {}), "soketi_ws_messages_received_total", app_id="4711")
    moving(relay, lambda: client.send("pusher:ping", {}), "soketi_ws_messages_sent_total", app_id="4711")


@pytest.mark.parametrize(
    ("path", "code"), [("/app/unknown?protocol=7", "4001"), ("/nowhere", "4005"), ("/app/relay-key", "4008")]
)
def test_refused_connections_are_counted_by_code(relay: Relays, path: str, code: str) -> None:
    moving(relay, lambda: relay.socket(path=path), "opbx_relay_connections_closed_total", code=code)


def test_a_close_code_of_the_clients_own_invention_is_no_label(relay: Relays) -> None:
    client = relay.socket().greet()
    moving(relay, lambda: client.ws.close(status=4999), "opbx_relay_connections_closed_total", code="other")
    assert figure(relay, "opbx_relay_connections_closed_total", code="4999") == 0


def test_limits_are_counted(relay: Relays) -> None:
    client = relay.socket().greet()
    client.subscribe("private-a")
    client.read_event("pusher_internal:subscription_succeeded")

    def talk() -> None:
        for _ in range(3):
            client.send("client-x", {}, channel="private-a")

    moving(relay, talk, "opbx_relay_limited_total", limit="client_events")

    def spread() -> None:
        for name in ("b", "c"):
            client.subscribe(name)

    moving(relay, spread, "opbx_relay_limited_total", limit="channels")

    def crowd() -> None:
        for user in ("1", "2"):
            relay.socket().greet().subscribe("presence-p", member={"user_id": user})

    moving(relay, crowd, "opbx_relay_limited_total", limit="presence_members")
    moving(relay, lambda: [relay.socket() for _ in range(9)], "opbx_relay_limited_total", limit="connections")

    def shout() -> None:
        for _ in range(300):
            client.send("pusher:ping", {})

    moving(relay, shout, "opbx_relay_limited_total", limit="messages")


def test_calls_of_back_ends_are_counted(relay: Relays) -> None:
    calls = "opbx_relay_http_calls_total"
    moving(relay, lambda: relay.library().trigger("news", "x", {}), calls, call="events", status="200")
    moving(relay, lambda: relay.call("GET", "/channels", secret="wrong"), calls, call="channels", status="401")
    moving(relay, lambda: relay.library().trigger("news", "x", {}), "soketi_http_calls_received_total")


def test_slow_readers_are_counted(relay: Relays) -> None:
    client = relay.socket().greet()
    client.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.subscribe("flood")
    client.read_event("pusher_internal:subscription_succeeded")
    wait_until(lambda: figure(relay, "opbx_relay_subscriptions", kind="public") == 1, what="a subscription")

    def flood() -> None:
        for _ in range(800):
            relay.library().trigger("flood", "x", "y" * 9000)
            if figure(relay, "opbx_relay_slow_readers_closed_total"):
                return

    moving(relay, flood, "opbx_relay_slow_readers_closed_total")
    assert figure(relay, "opbx_relay_connections_closed_total", code="4100") >= 1


def test_a_loss_of_the_backplane_is_counted_and_so_is_what_it_cost(relay: Relays) -> None:
    client = relay.socket().greet()
    client.subscribe("news")
    client.read_event("pusher_internal:subscription_succeeded")
    relay.library().trigger("news", "first", {})
    client.read_event("first")
    losses, resyncs = figure(relay, "opbx_relay_backplane_losses_total"), figure(relay, "opbx_relay_resyncs_total")
    recoveries = figure(relay, "opbx_relay_recoveries_total")
    relay.redis.kill()
    try:
        wait_until(lambda: figure(relay, "opbx_relay_backplane_connected") == 0, what="the loss")
    finally:
        relay.redis.start()  # empty: its history reaches back to nothing
    wait_until(lambda: figure(relay, "opbx_relay_backplane_connected") == 1, what="the return")
    client.read_event("opbx:resync")
    wait_until(lambda: figure(relay, "opbx_relay_resyncs_total") > resyncs, what="the resync")
    assert figure(relay, "opbx_relay_backplane_losses_total") >= losses + 2  # of each process
    assert figure(relay, "opbx_relay_recoveries_total") > recoveries
    relay.wait_ready()


def test_what_a_killed_process_counted_stays_and_what_it_had_does_not(relay: Relays) -> None:
    for _ in range(6):
        relay.socket().greet()
    wait_until(lambda: figure(relay, "opbx_relay_connections") == 6, what="6 connections")
    opened = "opbx_relay_connections_opened_total"
    before = figure(relay, opened)
    workers = psutil.Process(relay.servers[0].pid).children()
    assert len(workers) == 2
    os.kill(workers[0].pid, signal.SIGKILL)
    wait_until(lambda: not workers[0].is_running(), what="the end of the process")
    wait_until(lambda: len(psutil.Process(relay.servers[0].pid).children()) == 2, what="its successor")
    wait_until(lambda: figure(relay, "opbx_relay_connections") <= 5, what="its connections being gone")
    assert figure(relay, opened) == before
