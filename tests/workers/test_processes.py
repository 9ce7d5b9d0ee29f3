"""A real worker and beat on a real Redis: events arrive, also those whose wake was lost."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from opbx.backplane.keys import ChannelKeys
from opbx.broadcasting.outbox import broadcast, wake_after_commit
from opbx.broadcasting.wakes import create_wakes
from opbx.pipeline import Transactions
from opbx.queue import create_queue
from opbx.settings import Settings
from tests.broadcasting.fakes import Note
from tests.servers import RedisServer, Server, wait_until

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def settings(settings: Settings, redis_server: RedisServer) -> Settings:
    return Settings(
        environment="test", database_url=settings.database_url, redis_url=redis_server.url, broker_url=redis_server.url
    )


@pytest.fixture
def workers(settings: Settings, tmp_path: Path) -> Iterator[list[Server]]:
    environment = {
        "OPBX_ENV": "test",
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "CELERY_BROKER_URL": settings.broker_url,
    }
    celery = (sys.executable, "-m", "celery", "-A", "workers")
    servers = [
        Server("worker", tmp_path, *celery, "worker", "--loglevel=INFO", env=environment),
        Server("beat", tmp_path, *celery, "beat", "--schedule", str(tmp_path / "beat"), env=environment),
    ]
    for server in servers:
        server.start()
    yield servers
    for server in servers:
        server.stop()


def store(transactions: Transactions) -> None:
    with transactions.begin() as transaction:
        broadcast(transaction, Note())


def test_events_arrive_whatever_happens_to_their_wakes(
    settings: Settings, transactions: Transactions, redis_server: RedisServer, workers: list[Server]
) -> None:
    head = ChannelKeys(settings.pusher.app_id, "presence-presence.org.7").head
    with redis_server.client() as redis:

        def published(sequence: int) -> bool:
            return bool(redis.hget(head, "sequence") == str(sequence).encode())

        def arrives(sequence: int, within: float) -> None:
            wait_until(lambda: published(sequence), timeout=within, what=f"{sequence}: {workers[0].tail()}")

        store(transactions)  # no wake: only the sweeper can find it
        arrives(1, within=30)  # the processes start first

        redis.flushall()  # the queue and the backplane forget everything
        store(transactions)
        arrives(2, within=10)

        wakes = create_wakes(settings, create_queue(settings))
        wake_after_commit(transactions, wakes.wake)
        store(transactions)
        arrives(3, within=1.5)  # sooner than the sweeper would come
