"""Events arrive through every broker whose URL may be given, also when its master fails over or it restarts."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from faults.supervisor import Supervisor
from opbx.backplane.connection import connect
from opbx.backplane.keys import ChannelKeys
from opbx.broadcasting.outbox import broadcast, wake_after_commit
from opbx.broadcasting.wakes import create_wakes
from opbx.database import open_engine
from opbx.pipeline import Transactions
from opbx.queue import create_queue
from opbx.settings import Settings
from tests.broadcasting.fakes import Note
from tests.rabbitmq import RabbitServer
from tests.redis_groups import Sentinels
from tests.servers import RedisServer, Server, wait_until

pytestmark = pytest.mark.timeout(180)


class House:
    """A worker and beat, started again when they end, as a supervisor does (a failover may cost kombu its life)."""

    def __init__(self, settings: Settings, folder: Path, transactions: Transactions) -> None:
        self._settings = settings
        self._transactions = transactions
        self._written = 0
        environment = {
            "OPBX_ENV": "test",
            "DATABASE_URL": settings.database_url,
            "REDIS_URL": settings.redis_url,
            "CELERY_BROKER_URL": settings.broker_url,
            "PUSHER_APP_ID": settings.pusher.app_id,
            "WORKER_METRICS_PORT": "0",
            "BEAT_METRICS_PORT": "0",
        }
        celery = (sys.executable, "-m", "celery", "-q", "-A", "workers")
        self.servers = [
            Server("worker", folder, *celery, "worker", env=environment),
            Server("beat", folder, *celery, "beat", "--schedule", str(folder / "beat"), env=environment),
        ]
        self.supervisor = Supervisor(self.servers)

    def arrives(self, *, within: float) -> None:
        """Write an event, and wait until it is published."""
        with self._transactions.begin() as transaction:
            broadcast(transaction, Note())
        self._written += 1
        wait_until(self._published, timeout=within, what=f"event {self._written}: {self.servers[0].tail()}")

    def arrives_by_its_wake(self) -> None:
        """Sooner than the sweep would find it."""
        deadline = time.monotonic() + 60
        while True:  # other processes of the machine may hold this one up
            try:
                self.arrives(within=1.5)
                return
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
                wait_until(self._published, what="the event")

    def _published(self) -> bool:
        head = ChannelKeys(self._settings.pusher.app_id, "presence-presence.org.7").head
        client = connect(self._settings.redis_url, timeout=1.0)
        try:
            return client.hget(head, "sequence") == str(self._written).encode()
        except redis.RedisError:
            return False
        finally:
            client.close()


@contextmanager
def running(settings: Settings, folder: Path) -> Iterator[House]:
    engine = open_engine(settings.database_url)
    transactions = Transactions(engine)
    wake_after_commit(transactions, create_wakes(settings, create_queue(settings)).wake)
    house = House(settings, folder, transactions)
    try:
        for server in house.servers:
            house.supervisor.start(server.name)
        house.supervisor.begin()
        house.arrives(within=60)
        yield house
    finally:
        house.supervisor.end()
        engine.dispose()


def test_sentinel(settings: Settings, tmp_path: Path) -> None:
    group = Sentinels(tmp_path)
    group.start()
    try:
        with running(replace(settings, redis_url=group.url, broker_url=group.url), tmp_path) as house:
            house.arrives_by_its_wake()
            group.master.kill()
            house.arrives(within=60)
            house.arrives_by_its_wake()
    finally:
        group.stop()


def test_rabbitmq(settings: Settings, tmp_path: Path) -> None:
    if not RabbitServer.installed():
        pytest.skip("RabbitMQ is not installed")
    backplane, broker = RedisServer(tmp_path), RabbitServer(tmp_path)
    backplane.start()
    try:
        broker.start()
        with running(replace(settings, redis_url=backplane.url, broker_url=broker.url), tmp_path) as house:
            house.arrives_by_its_wake()
            broker.kill()
            broker.start()
            house.arrives(within=60)
            house.arrives_by_its_wake()
    finally:
        broker.kill()
        backplane.kill()
