"""Workers that go: because they have grown, or were told to, with what they had begun."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from opbx.backplane.keys import ChannelKeys
from opbx.broadcasting.models import ChannelCursor
from opbx.broadcasting.wakes import create_wakes
from opbx.pipeline import Transactions
from opbx.queue import create_queue
from opbx.settings import Settings
from tests.broadcasting.fakes import write
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
        name = f"worker{len(started)}"
        worker = Server(name, tmp_path, sys.executable, "-m", "celery", "-A", "workers", "worker", env=common | env)
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


def test_one_that_is_told_to_go_ends_its_turn_and_leaves_the_rest_to_the_others(
    settings: Settings, transactions: Transactions, session: Session, redis_server: RedisServer, start: Start
) -> None:
    """Without beat: what is left is handed on by the one that goes, and not found by the sweep."""
    count = 20_000
    settings = replace(settings, redis_url=redis_server.url, broker_url=redis_server.url)
    head = ChannelKeys("app-id", "presence-presence.org.7").head
    leaving = start()
    wait_until(lambda: "ready." in leaving.tail(), timeout=60, what=f"a worker: {leaving.tail()}")
    write(transactions, "7", count)
    with redis_server.client() as redis:

        def published() -> int:
            return int(redis.hget(head, "sequence") or 0)

        create_wakes(settings, create_queue(settings)).wake(["presence.org.7"])
        wait_until(published, what="the first events")
        leaving.ask_to_stop()
        wait_until(lambda: not leaving.running, what=f"the worker going: {leaving.tail()}")
        reached = published()
        cursor = session.get_one(ChannelCursor, "presence.org.7")
        assert "Warm shutdown" in leaving.log.read_text()
        assert (cursor.sequence, cursor.lease_owner) == (reached, None)
        assert reached < count, "it was to be in the middle"

        start()
        wait_until(lambda: published() == count, timeout=60, what="the rest")
