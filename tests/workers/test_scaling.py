"""Four workers on one queue: every channel in order and once, whoever is killed, and a flood starves nobody."""

import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from opbx.backplane.records import Batch
from opbx.broadcasting.wakes import create_wakes
from opbx.pipeline import Transactions
from opbx.queue import create_queue
from opbx.settings import Settings
from tests.broadcasting.fakes import write
from tests.servers import RedisServer, Server, wait_until

pytestmark = pytest.mark.timeout(180)

WORKERS = 4
FLOOD, OTHERS, EACH = 9000, 40, 25


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def settings(settings: Settings, redis_server: RedisServer, database_url: str) -> Settings:
    return Settings(
        environment="test", database_url=database_url, redis_url=redis_server.url, broker_url=redis_server.url
    )


@pytest.fixture
def workers(settings: Settings, tmp_path: Path) -> Iterator[list[Server]]:
    environment = {
        "OPBX_ENV": "test",
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "CELERY_BROKER_URL": settings.broker_url,
        "WORKER_METRICS_PORT": "0",
        "BEAT_METRICS_PORT": "0",
    }
    celery = (sys.executable, "-m", "celery", "-A", "workers")
    servers = [
        Server(f"worker{n}", tmp_path, *celery, "worker", "-n", f"worker{n}@test", env=environment)
        for n in range(WORKERS)
    ]
    servers.append(Server("beat", tmp_path, *celery, "beat", "--schedule", str(tmp_path / "beat"), env=environment))
    for server in servers:
        server.start()
    for server in servers[:-1]:
        wait_until(lambda server=server: "ready." in server.tail(), timeout=60, what=f"{server.name} being ready")  # type: ignore[misc]
    yield servers
    for server in servers:
        server.kill()


class Ears:
    """Everything that is published, in the order in which Redis says it."""

    def __init__(self, redis: Redis) -> None:
        self._listening: Any = redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        self._listening.psubscribe("opbx:topic:*")
        self._listening.get_message(timeout=5)
        self.heard: list[tuple[str, int]] = []

    def listen(self) -> int:
        """Take what has come; how much was heard in all."""
        while (message := self._listening.get_message(timeout=0.05)) is not None:
            for record in Batch.decode(message["data"]).records:
                if record.sequence is not None:
                    self.heard.append((message["channel"].decode(), record.sequence))
        return len(self.heard)

    def by_channel(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = defaultdict(list)
        for channel, sequence in self.heard:
            found[channel].append(sequence)
        return found


def test_in_order_and_once_and_in_fair_turns(
    settings: Settings, transactions: Transactions, redis_server: RedisServer, workers: list[Server]
) -> None:
    with redis_server.client() as redis:
        ears = Ears(redis)
        write(transactions, "flood", FLOOD)
        for number in range(OTHERS):
            write(transactions, f"other{number}", EACH)
        wakes = create_wakes(settings, create_queue(settings))
        wakes.wake(["presence.org.flood"])
        wakes.wake([f"presence.org.other{number}" for number in range(OTHERS)])
        wait_until(lambda: ears.listen() > 2000, timeout=60, what="the first events")
        workers[0].kill()
        killed = time.monotonic()
        total = FLOOD + OTHERS * EACH
        wait_until(lambda: ears.listen() >= total, timeout=60, what=f"all events; {len(ears.heard)} were heard")
        assert time.monotonic() - killed < 40
        time.sleep(0.5)
        ears.listen()

    heard = ears.by_channel()
    assert {len(sequences) for sequences in heard.values()} == {FLOOD, EACH}
    assert all(sequences == list(range(1, len(sequences) + 1)) for sequences in heard.values())
    flood = next(channel for channel, sequences in heard.items() if len(sequences) == FLOOD)
    last = {channel: place for place, (channel, _) in enumerate(ears.heard)}
    assert last[flood] > max(place for channel, place in last.items() if channel != flood), "the flood went first"
