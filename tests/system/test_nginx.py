"""The proxy: TLS, WebSockets that stay, and what it keeps from the outside."""

import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import pytest
import requests
import websocket

from tests.servers import free_port, wait_until
from tests.system.nginx import Nginx, binary
from tests.system.payloads import FORMS
from tests.system.stack import KEY, PASSWORD, SENDER_KEY, Stack

pytestmark = [
    pytest.mark.parametrize("stack", ["sqlite"], indirect=True, scope="session"),
    pytest.mark.skipif(binary() is None, reason="nginx is not installed"),
]

OWNER = "owner@demo.opbx.test"
Connect = Callable[[], websocket.WebSocket]


@pytest.fixture(scope="module")
def flower(stack: Stack) -> Iterator[int]:
    """The port of a real one, with a password, as docker compose starts it."""
    port = free_port()
    server = stack.server(
        "flower", "celery", "-q", "-A", "workers", "flower", "--address=127.0.0.1", f"--port={port}",
        FLOWER_URL_PREFIX="flower", FLOWER_BASIC_AUTH="owner:flower-password",
    )  # fmt: skip
    server.start()
    try:
        yield port
    finally:
        server.stop()


@pytest.fixture
def docs() -> Iterator[Path]:
    """A folder that nginx' own user may read, as it may not those of the tests."""
    with TemporaryDirectory(prefix="opbx-docs-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def nginx(stack: Stack, flower: int, tmp_path: Path, docs: Path) -> Iterator[Nginx]:
    server = Nginx(tmp_path, docs, web=stack.web_port, relays=stack.relay_ports, flower=flower)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def connect(nginx: Nginx) -> Iterator[Connect]:
    """Opens bare clients, which answer no ping; each was greeted."""
    opened: list[websocket.WebSocket] = []

    def one() -> websocket.WebSocket:
        url = f"wss://localhost:{nginx.port}/app/{KEY}?protocol=7"
        opened.append(websocket.create_connection(url, timeout=10, sslopt={"context": nginx.context()}))
        assert json.loads(opened[-1].recv())["event"] == "pusher:connection_established"
        return opened[-1]

    yield one
    for client in opened:
        client.shutdown()  # type: ignore[no-untyped-call]


def answers(client: websocket.WebSocket) -> bool:
    client.send(json.dumps({"event": "pusher:ping", "data": {}}))
    return bool(json.loads(client.recv())["event"] == "pusher:pong")


def test_the_documentation_is_where_alerts_link_to(nginx: Nginx) -> None:
    (nginx.docs / "runbooks.html").write_text("what to do")
    answer = nginx.get("/manual/runbooks.html")
    assert (answer.text, answer.headers["Content-Type"]) == ("what to do", "text/html")
    assert nginx.get("/manual/../nginx.conf").status_code == 404


def test_https_serves_web_and_http_leads_there(nginx: Nginx) -> None:
    answer = nginx.get("/api/v1/health", headers={"X-Request-Id": "asked-through-the-proxy"})
    assert answer.status_code == 200
    assert answer.headers["X-Request-Id"] == "asked-through-the-proxy"
    assert "nginx/" not in answer.headers["Server"]
    plain = requests.get(f"http://localhost:{nginx.plain_port}/api/v1/me?x=1", timeout=10, allow_redirects=False)
    assert (plain.status_code, plain.headers["Location"]) == (301, f"{nginx.url}/api/v1/me?x=1")
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{nginx.url}/api/v1/health", timeout=10)  # the authority is not one that the machine knows


@pytest.mark.parametrize("library", ["pusher", "echo"])
def test_a_call_reaches_a_dashboard_through_the_proxy(nginx: Nginx, stack: Stack, library: str) -> None:
    answer = nginx.post("/api/v1/auth/login", json={"email": OWNER, "password": PASSWORD})
    login = answer.json()
    organization = login["user"]["organization_id"]
    channel = f"join:presence.org.{organization}" if library == "echo" else f"presence-presence.org.{organization}"
    client = stack.connect(
        library, login["access_token"], [channel], port=nginx.port, auth_endpoint=f"{nginx.url}/broadcasting/auth",
        authority=nginx.certificates.authority,
    )  # fmt: skip
    client.wait_subscribed(channel)
    call_id = uuid4().hex
    for endpoint, body in FORMS["own form"](call_id, "demo.opbx.test"):
        headers = {"Authorization": f"Bearer {SENDER_KEY}"}
        assert nginx.post(f"/api/webhooks/cloudonix/{endpoint}", json=body, headers=headers).status_code == 200
    assert [line["event"] for line in client.wait_events(call_id, 3)][-1] == "call.ended"


def test_an_idle_connection_stays_longer_than_the_proxy_waits_by_default(connect: Connect) -> None:
    client = connect()
    time.sleep(4)  # twice as long as `nginx.py` lets anything idle that has no time of its own
    assert answers(client)


def test_a_reload_drops_no_connection_and_new_ones_get_the_new_configuration(nginx: Nginx, connect: Connect) -> None:
    before = [connect() for _ in range(20)]
    old = nginx.generation()
    nginx.reload()
    wait_until(lambda: nginx.generation() - old, what="new processes")
    during = connect()
    assert all(answers(client) for client in [*before, during])
    for client in [*before, during]:
        client.close()
    wait_until(lambda: not (old & nginx.generation()), what="the old processes ending with their last connection")
    assert answers(connect())


def test_any_relay_serves_any_client(stack: Stack, connect: Connect) -> None:
    clients = [connect() for _ in range(12)]
    gone = stack.relays[1]
    gone.kill()
    try:
        lost = [client for client in clients if not _alive(client)]
        assert 0 < len(lost) < len(clients), "the connections were not spread over both relays"
        assert all(answers(connect()) for _ in lost)
    finally:
        gone.start()
        stack.wait_ready()


def _alive(client: websocket.WebSocket) -> bool:
    with suppress(websocket.WebSocketException, OSError, ValueError):
        return answers(client)
    return False


@pytest.mark.parametrize("path", ["/metrics", "/usage", "/ready", "/flower/metrics", "/flower/healthcheck"])
def test_what_is_for_operators_is_not_shown(nginx: Nginx, path: str) -> None:
    answer = nginx.get(path)
    assert answer.status_code == 404
    assert "nginx" in answer.text  # its own answer: nobody behind was asked


def test_flower_is_reached_by_who_has_its_password(nginx: Nginx) -> None:
    def page(**options: Any) -> requests.Response:
        return nginx.get("/flower/broker", **options)

    wait_until(lambda: page().status_code == 401, timeout=60, what="Flower asking for a password")
    assert page(auth=("owner", "wrong")).status_code == 401
    shown = page(auth=("owner", "flower-password"))
    assert shown.status_code == 200
    assert "/flower/static/" in shown.text
    assert nginx.get(re.findall(r'href="(/flower/static/[^"]+)"', shown.text)[0]).status_code == 200
    inside = f"http://127.0.0.1:{nginx.flower}/flower/healthcheck"
    assert requests.get(inside, timeout=10).text == "OK"  # what docker compose asks


def test_a_body_that_is_too_large_is_refused_by_web_and_a_huge_one_by_the_proxy(nginx: Nginx) -> None:
    url = "/api/webhooks/cloudonix/cdr"
    large = nginx.post(url, data=b"x" * 100_000, headers={"Content-Type": "application/json"})
    assert (large.status_code, large.json()["error"]["code"]) == (413, "REQUEST_ENTITY_TOO_LARGE")
    huge = nginx.post(url, data=b"x" * 200_000)
    assert (huge.status_code, huge.json()["error"]["code"]) == (413, "REQUEST_ENTITY_TOO_LARGE")
    assert huge.json()["error"]["request_id"] == huge.headers["X-Request-Id"]


def test_a_slow_sender_is_cut_off_and_reaches_nobody(nginx: Nginx) -> None:
    old = nginx.generation()
    nginx.hurry()
    wait_until(lambda: not (old & nginx.generation()), what="the new configuration")
    for start in (b"POST /api/v1/auth/login HT", b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{"):
        with (
            socket.create_connection(("127.0.0.1", nginx.port)) as raw,
            nginx.context().wrap_socket(raw, server_hostname="localhost") as slow,
        ):
            slow.settimeout(8)  # less than the ten seconds of the configuration
            slow.sendall(start)
            with suppress(ConnectionResetError):
                assert slow.recv(100) in (b"", b"HTTP/1.1 408 Request Time-out")
    wait_until(lambda: '"status":408' in nginx.log.read_text(), what="the end of the slow body")
    assert '"upstream":"127' not in nginx.log.read_text()


def test_secrets_are_not_in_the_log(nginx: Nginx) -> None:
    nginx.get("/api/v1/auth/me?access_token=s3cret", headers={"Authorization": "Bearer s3cret"})
    wait_until(lambda: "/api/v1/auth/me" in nginx.log.read_text(), what="the request in the log")
    assert "s3cret" not in nginx.log.read_text()
