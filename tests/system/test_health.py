"""Health that really asks, while parts come and go."""

import requests

from tests.servers import wait_until
from tests.system.stack import Stack


def test_health_asks_database_redis_and_broker(stack: Stack) -> None:
    answer = requests.get(f"{stack.web_url}/api/v1/health", timeout=10)
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"


def test_websocket_health_has_the_form_of_the_reference(stack: Stack) -> None:
    answer = requests.get(f"{stack.web_url}/api/v1/websocket/health", timeout=10)
    assert answer.status_code == 200
    body = answer.json()
    assert body.keys() >= {"status", "websocket", "driver", "host", "port", "timestamp"}
    assert (body["status"], body["websocket"], body["driver"]) == ("ok", "connected", "pusher")
    assert body["port"] == stack.relay_ports[0]


def test_websocket_health_tells_when_the_relay_is_down(stack: Stack) -> None:
    url = f"{stack.web_url}/api/v1/websocket/health"
    stack.relays[0].kill()
    try:
        wait_until(lambda: requests.get(url, timeout=10).status_code == 503, what="health noticing")
        assert requests.get(url, timeout=10).json()["websocket"] == "disconnected"
    finally:
        stack.relays[0].start()
        stack.wait_ready()
    assert requests.get(url, timeout=10).json()["websocket"] == "connected"
