"""Health: what really answers, what does not, and what hangs."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from flask import Flask
from flask.testing import FlaskClient

from opbx.operations import health
from opbx.operations.health import Checkup
from opbx.settings import PusherSettings, Settings


def fail() -> None:
    raise ConnectionError("away")


def test_all_well(app: Flask, client: FlaskClient) -> None:
    app.extensions["checkup"] = Checkup({"database": lambda: None})
    answer = client.get("/api/v1/health")
    assert answer.status_code == 200
    body = answer.get_json()
    assert body["status"] == "ok"
    assert body["components"]["database"]["status"] == "ok"
    assert body["components"]["database"]["latency_ms"] >= 0


def test_the_database_is_really_asked_and_redis_is_missed(client: FlaskClient) -> None:
    answer = client.get("/api/v1/health")
    assert answer.status_code == 503
    components = answer.get_json()["components"]
    assert components["database"]["status"] == "ok"
    assert components["redis"] == {"status": "down", "latency_ms": None}
    assert components["broker"]["status"] == "ok"


def test_what_hangs_is_down_and_holds_nobody_up() -> None:
    release = threading.Event()

    def hang() -> None:
        release.wait(30)

    checkup = Checkup({"hangs": hang, "fails": fail, "works": lambda: None}, patience=0.2)
    try:
        outcome = checkup.run()
    finally:
        release.set()
    assert {name: component["status"] for name, component in outcome.items()} == {
        "hangs": "down",
        "fails": "down",
        "works": "ok",
    }


@pytest.fixture
def relay() -> Iterator[HTTPServer]:
    """A server whose `/ready` answers with the status in its `ready` attribute."""

    class Ready(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(self.server.ready if self.path == "/ready" else 404)  # type: ignore[attr-defined]
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = HTTPServer(("127.0.0.1", 0), Ready)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("ready", "status", "websocket"), [(200, 200, "connected"), (503, 503, "disconnected")])
def test_websocket_health_asks_the_relay(
    app: Flask, settings: Settings, relay: HTTPServer, ready: int, status: int, websocket: str
) -> None:
    relay.ready = ready  # type: ignore[attr-defined]
    app.config["OPBX"] = replace(settings, pusher=PusherSettings(port=relay.server_port))
    answer = app.test_client().get("/api/v1/websocket/health")
    assert answer.status_code == status
    body = answer.get_json()
    assert body.pop("timestamp").endswith("+00:00")
    assert body == {
        "status": "ok" if status == 200 else "error",
        "websocket": websocket,
        "driver": "pusher",
        "host": "127.0.0.1",
        "port": relay.server_port,
    }


def test_without_a_relay_websocket_health_is_disconnected(client: FlaskClient) -> None:
    answer = client.get("/api/v1/websocket/health")
    assert (answer.status_code, answer.get_json()["websocket"]) == (503, "disconnected")


def test_browsers_are_told_where_the_relay_is(app: Flask, settings: Settings) -> None:
    app.config["OPBX"] = replace(settings, public_ws_host="ws.test", public_ws_port=443, public_ws_scheme="https")
    answer = app.test_client().get("/api/v1/websocket/config")
    assert answer.get_json() == {"key": "test-key", "host": "ws.test", "port": 443, "scheme": "https"}


def test_probes_are_those_of_the_design(app: Flask) -> None:
    checkup: health.Checkup = app.extensions["checkup"]
    assert checkup.probes.keys() == {"database", "redis", "broker"}
