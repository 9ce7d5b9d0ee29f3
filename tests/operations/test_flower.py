"""Flower on a real broker: nothing without the password, and the names that mean something."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from opbx.settings import ROOT
from tests.servers import RedisServer, Server, free_port, wait_until

PASSWORD = "a-password-of-flower"


@pytest.fixture
def flower(tmp_path: Path) -> Iterator[str]:
    """The address of a Flower, and beside it a worker."""
    redis, port = RedisServer(tmp_path), free_port()
    redis.start()
    environment = {
        "OPBX_ENV": "test", "REDIS_URL": redis.url, "CELERY_BROKER_URL": redis.url,
        "DATABASE_URL": f"sqlite:///{tmp_path / 'none.sqlite3'}", "FLOWER_BASIC_AUTH": f"owner:{PASSWORD}",
    }  # fmt: skip
    celery = (sys.executable, "-m", "celery", "-q", "-A", "workers")
    servers = [
        Server("worker", tmp_path, *celery, "worker", "-n", "worker@%h", env=environment),
        Server("flower", tmp_path, *celery, "flower", "--address=127.0.0.1", f"--port={port}", env=environment),
    ]
    for server in servers:
        server.start()
    url = f"http://127.0.0.1:{port}"

    def up() -> bool:
        with suppress(requests.RequestException):
            return requests.get(f"{url}/healthcheck", timeout=5).ok
        return False

    try:
        wait_until(up, timeout=60, what=f"flower: {servers[1].tail()}")
        yield url
    finally:
        for server in servers:
            server.ask_to_stop()
        for server in servers:
            server.stop()
        redis.kill()


def test_flower_wants_its_password_and_names_queues_and_workers(flower: str) -> None:
    for path in ("/", "/workers", "/tasks", "/broker", "/api/workers", "/api/queues/length"):
        assert requests.get(f"{flower}{path}", timeout=10).status_code == 401, path
        assert requests.get(f"{flower}{path}", auth=("owner", "wrong"), timeout=10).status_code == 401, path
    with requests.Session() as owner:
        owner.auth = ("owner", PASSWORD)
        queues = owner.get(f"{flower}/api/queues/length", timeout=10).json()["active_queues"]
        assert {"broadcasts", "webhooks", "maintenance"} <= {queue["name"] for queue in queues}

        def workers() -> dict[str, dict[str, object]]:
            found: dict[str, dict[str, object]] = owner.get(f"{flower}/api/workers?refresh=1", timeout=20).json()
            return found

        found = wait_until(workers, timeout=40, what="the worker in flower")
        ((name, worker),) = found.items()
        assert name.startswith("worker@")
        registered = str(worker["registered"])
        assert "broadcasts.deliver" in registered
        assert "maintenance.sweep" in registered


def test_in_production_flower_does_not_start_open(tmp_path: Path) -> None:
    environment = {
        "PATH": "", "OPBX_ENV": "production", "PUSHER_APP_SECRET": "1f2e" * 8, "FLOWER_BASIC_AUTH": "owner:changeme",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'none.sqlite3'}",
    }  # fmt: skip
    flower = (sys.executable, "-m", "celery", "-q", "-A", "workers", "flower", f"--port={free_port()}")
    ended = subprocess.run(flower, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode != 0
    assert "FLOWER_BASIC_AUTH is missing or has a placeholder" in ended.stderr
