"""Workers that go: because they have grown, or were told to, with what they had begun."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from opbx.settings import Settings
from tests.servers import RedisServer, Server, wait_until

pytestmark = pytest.mark.timeout(120)

Start = Callable[..., Server]


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def start(settings: Settings, redis_server: RedisServer, tmp_path: Path) -> Iterator[Start]:
    """Starts a worker with more settings."""
    started: list[Server] = []

    def start(**env: str) -> Server:
        common = {
            "OPBX_ENV": "test",
            "DATABASE_URL": settings.database_url,
            "REDIS_URL": redis_server.url,
            "CELERY_BROKER_URL": redis_server.url,
            "WORKER_METRICS_PORT": "0",
        }
        worker = Server("worker", tmp_path, sys.executable, "-m", "celery", "-A", "workers", "worker", env=common | env)
        worker.start()
        started.append(worker)
        return worker

    yield start
    for worker in started:
        worker.kill()


def test_one_that_has_grown_goes_by_itself(start: Start) -> None:
    worker = start(WORKER_MAX_MEMORY="1")
    wait_until(lambda: not worker.running, timeout=60, what=f"the worker going: {worker.tail()}")
    assert "grown too large" in worker.log.read_text()
    assert "Warm shutdown" in worker.log.read_text()
