"""The port of its own: what it answers, and that it is a port of its own."""

import json

import pytest
import requests
from flask import Flask
from structlog.testing import capture_logs
from werkzeug.test import Client

from opbx.metrics.endpoint import ByPort, Endpoint, serve
from opbx.metrics.registry import Exposition
from tests.servers import free_port, wait_until


def endpoint(why_not: str = "") -> Endpoint:
    return Endpoint(Exposition(), lambda: why_not, lambda: {"connections": 3})


def test_ready_is_said_as_soketi_says_it() -> None:
    ready = Client(endpoint()).get("/ready")
    assert (ready.status_code, ready.text) == (200, "OK")
    away = Client(endpoint("The backplane is away.")).get("/ready")
    assert (away.status_code, away.text) == (503, "The backplane is away.")


def test_usage_has_soketis_form() -> None:
    answer = json.loads(Client(endpoint()).get("/usage").data)
    assert answer["memory"].keys() == {"free", "used", "total", "percent"}
    assert 0 < answer["memory"]["used"] < answer["memory"]["total"]
    assert answer["memory"]["percent"] == pytest.approx(100 * answer["memory"]["used"] / answer["memory"]["total"])
    assert answer["connections"] == 3


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/apps", 404), ("POST", "/metrics", 405)])
def test_there_is_nothing_else(method: str, path: str, status: int) -> None:
    assert Client(endpoint()).open(path, method=method).status_code == status


@pytest.mark.parametrize(("port", "path", "status"), [(9602, "/ready", 200), (9602, "/", 200), (9602, "/site", 404),
                                                     (8000, "/site", 200), (8000, "/metrics", 404)])  # fmt: skip
def test_each_port_serves_its_own(port: int, path: str, status: int) -> None:
    site = Flask("site")
    site.add_url_rule("/site", view_func=lambda: "here")
    client = Client(ByPort(site.wsgi_app, 9602, endpoint()))
    # the header is the caller's, and must not choose the port
    answer = client.get(path, environ_overrides={"SERVER_PORT": str(port)}, headers={"Host": "any:9602"})
    assert answer.status_code == status


def test_a_process_without_a_server_serves_it_in_a_thread() -> None:
    port = free_port()
    serve(endpoint(), "127.0.0.1", port)
    answer = wait_until(lambda: requests.get(f"http://127.0.0.1:{port}/metrics", timeout=5), what="metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")


def test_a_port_that_is_taken_costs_the_metrics_only() -> None:
    port = free_port()
    serve(endpoint(), "127.0.0.1", port)
    with capture_logs() as told:
        serve(endpoint(), "127.0.0.1", port)
    assert [(line["log_level"], line["port"]) for line in told] == [("warning", port)]
