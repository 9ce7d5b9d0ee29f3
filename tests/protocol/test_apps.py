"""Several apps: keys and limits of their own, read anew without dropping a connection."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import websocket

from tests.protocol.relays import Relays
from tests.servers import wait_until

#: An app that allows little.
SMALL: dict[str, Any] = {
    "id": "2", "key": "small", "secret": "small-secret", "max_backend_events_per_second": 5,
    "max_read_requests_per_second": 3, "max_payload": 100, "max_presence_members": 1,
    "subscription_count": True, "allowed_origins": ["https://dashboard.example"],
}  # fmt: skip
OFF: dict[str, Any] = {"id": "3", "key": "off", "secret": "off-secret", "enabled": False}


class Configured:
    """Two relays with an apps file."""

    def __init__(self, relays: Relays, file: Path) -> None:
        self.relays = relays
        self.file = file

    def write(self, *apps: dict[str, Any]) -> None:
        self.file.write_text(json.dumps(list(apps)))
        for server in self.relays.servers:
            server.signal(signal.SIGHUP, group=False)

    def open(self, key: str, *, origin: str | None = "https://dashboard.example") -> websocket.WebSocket:
        return self.relays.socket(key=key, origin=origin).ws


@pytest.fixture(scope="module")
def configured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Configured]:
    file = tmp_path_factory.mktemp("apps") / "apps.json"
    file.write_text(json.dumps([SMALL, OFF]))
    relays = Relays(tmp_path_factory.mktemp("configured"), 2, PUSHER_APPS_FILE=str(file))
    try:
        relays.start()
        yield Configured(relays, file)
    finally:
        relays.stop()


@pytest.fixture(autouse=True)
def close_sockets(configured: Configured) -> Iterator[None]:
    yield
    configured.relays.close_clients()


def close_code(ws: websocket.WebSocket) -> int:
    opcode, data = ws.recv_data(control_frame=True)
    assert opcode == websocket.ABNF.OPCODE_CLOSE, data
    return int.from_bytes(data[:2])


def small(configured: Configured, method: str, path: str, body: Any = None, *, number: int = 0) -> Any:
    return configured.relays.call(
        method, f"/apps/2{path}", body, number=number, secret="small-secret", auth_key="small"
    )


def test_a_disabled_app_is_refused(configured: Configured) -> None:
    assert close_code(configured.open("off")) == 4003
    answer = configured.relays.call("POST", "/apps/3/events", {}, secret="off-secret", auth_key="off")
    assert answer.status_code == 403


def test_another_origin_is_refused(configured: Configured) -> None:
    assert close_code(configured.open("small", origin="https://elsewhere.example")) == 4009
    assert "connection_established" in str(configured.open("small").recv())


def test_one_apps_signature_is_none_of_anothers(configured: Configured) -> None:
    answer = configured.relays.call("POST", "/apps/2/events", {"name": "n", "data": "", "channel": "c"})
    assert answer.status_code == 401


def test_rates_count_over_all_nodes_and_say_when_to_come_again(configured: Configured) -> None:
    event = {"name": "news", "data": "{}", "channel": "c"}
    answers = [small(configured, "POST", "/events", event, number=n % 2) for n in range(12)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert 1 <= len(refused) <= 7
    assert refused[0].headers["Retry-After"] == "1"
    assert refused[0].headers["X-RateLimit-Limit"] == "5"
    assert refused[0].headers["X-RateLimit-Remaining"] == "0"
    reads = [small(configured, "GET", "/channels", number=n % 2).status_code for n in range(8)]
    assert reads.count(429) >= 1
    wait_until(lambda: small(configured, "POST", "/events", event).status_code == 200, what="the rate recovering")


def test_payload_limits_are_the_apps_own(configured: Configured) -> None:
    event = {"name": "news", "data": "x" * 101, "channel": "c"}
    assert small(configured, "POST", "/events", event).status_code == 413


@pytest.mark.parametrize("name", ["presence.org.7", "user.1", "cache-extension.101"])
def test_the_products_rules_are_not_another_apps(configured: Configured, name: str) -> None:
    ws = configured.open("small")
    ws.recv()
    ws.send(json.dumps({"event": "pusher:subscribe", "data": {"channel": name}}))
    assert "subscription_succeeded" in str(ws.recv())


def test_client_events_are_off_by_default(configured: Configured) -> None:
    ws = configured.open("small")
    ws.recv()
    ws.send(json.dumps({"event": "client-x", "channel": "private-x", "data": {}}))
    assert "4301" in str(ws.recv())


def test_subscribers_are_told_their_number(configured: Configured) -> None:
    sockets = []
    for expected in (1, 2, 3):
        sockets.append(configured.open("small"))
        sockets[-1].recv()
        sockets[-1].send(json.dumps({"event": "pusher:subscribe", "data": {"channel": "counted"}}))
        while "subscription_count" not in (text := str(sockets[0].recv())) or f":{expected}}}" not in text:
            pass
    sockets.pop().close()
    while ":2}" not in str(sockets[0].recv()):
        pass


def test_above_a_hundred_subscribers_the_number_is_told_every_five_seconds(configured: Configured) -> None:
    first = configured.relays.socket(key="small", origin="https://dashboard.example").greet()
    first.send("pusher:subscribe", {"channel": "crowded"})
    first.read_event("pusher_internal:subscription_succeeded")
    began = time.monotonic()
    for number in range(1, 140):
        ws = configured.relays.socket(number % 2, key="small", origin="https://dashboard.example").greet()
        ws.send("pusher:subscribe", {"channel": "crowded"})
        ws.read_event("pusher_internal:subscription_succeeded")
    told: list[int] = []
    while not told or told[-1] < 140:
        count = json.loads(first.read_event("pusher_internal:subscription_count")["data"])["subscription_count"]
        told.append(count)
    assert told == sorted(set(told))
    assert sum(count > 100 for count in told) <= 2 + (time.monotonic() - began) / 5
    assert sum(count <= 100 for count in told) > 20


def test_apps_are_read_anew_and_connections_stay(configured: Configured) -> None:
    kept = configured.open("small")
    kept.recv()
    configured.write(SMALL, {**OFF, "enabled": True})

    def enabled() -> bool:
        return "connection_established" in str(configured.open("off").recv_data()[1])

    wait_until(enabled, what="the new apps")
    doomed = configured.open("off")
    doomed.recv()
    configured.file.write_text("not json")
    configured.relays.servers[0].signal(signal.SIGHUP, group=False)
    configured.write(SMALL, OFF)
    assert close_code(doomed) == 4003
    kept.send('{"event":"pusher:ping"}')
    assert "pusher:pong" in str(kept.recv())
    configured.write(OFF)
    assert close_code(kept) == 4001
    configured.write(SMALL, OFF)


def test_a_secret_is_changed_over(configured: Configured) -> None:
    app = {"id": "4", "key": "turning", "secret": "first"}

    def status(secret: str) -> int:
        return configured.relays.call("GET", "/apps/4/channels", secret=secret, auth_key="turning").status_code

    try:
        for change, good, refused in (
            ({}, ["first"], "second"),
            ({"secret": "second", "previous_secrets": ["first"]}, ["first", "second"], "third"),
            ({"secret": "second"}, ["second"], "first"),
        ):
            configured.write(SMALL, OFF, app | change)
            wait_until(lambda: status(refused) == 401, what="the change")  # noqa: B023 - called at once
            assert [status(secret) for secret in good] == [200] * len(good)
    finally:
        configured.write(SMALL, OFF)
