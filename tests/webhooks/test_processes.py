"""A real worker and beat: events arrive, absences are held, and a dead endpoint holds up nobody else."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from redis import Redis

from opbx.backplane.hooks import hook_call
from opbx.backplane.scripts import run
from tests.servers import RedisServer, Server, wait_until
from tests.webhooks.receiver import Receiver

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def dead() -> Iterator[Receiver]:
    with Receiver() as receiver:
        receiver.hang = True
        yield receiver


@pytest.fixture
def worker(tmp_path: Path, redis_server: RedisServer, receiver: Receiver, dead: Receiver) -> Iterator[Server]:
    apps = [
        {"id": "alive", "key": "alive", "secret": "s", "webhooks": [{"url": receiver.url}]},
        {"id": "dead", "key": "dead", "secret": "s", "webhooks": [{"url": dead.url}]},
    ]
    (tmp_path / "apps.json").write_bytes(orjson.dumps(apps))
    environment = {
        "OPBX_ENV": "test",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'unused.sqlite3'}",
        "REDIS_URL": redis_server.url,
        "CELERY_BROKER_URL": redis_server.url,
        "PUSHER_APPS_FILE": str(tmp_path / "apps.json"),
    }
    celery = (sys.executable, "-m", "celery", "-A", "workers")
    servers = [
        Server("worker", tmp_path, *celery, "worker", "-Q", "webhooks", "--loglevel=INFO", env=environment),
        Server("beat", tmp_path, *celery, "beat", "--schedule", str(tmp_path / "beat"), env=environment),
    ]
    for server in servers:
        server.start()
    yield servers[0]
    for server in servers:
        server.stop()


def test_from_the_queue_to_the_receiver(redis: Redis, worker: Server, receiver: Receiver, dead: Receiver) -> None:
    def queue(app_id: str, name: str, channel: str) -> None:
        run(redis, [hook_call(app_id, {"name": name, "channel": channel})])

    def arrives(name: str, channel: str, within: float) -> None:
        event = {"name": name, "channel": channel}
        wait_until(lambda: event in receiver.events, timeout=within, what=f"{event}: {worker.tail()}")

    for number in range(20):
        queue("dead", "channel_occupied", f"dead-{number}")
    wait_until(lambda: dead.requests, timeout=40, what=f"the dead one being asked: {worker.tail()}")

    queue("alive", "channel_occupied", "a")
    arrives("channel_occupied", "a", within=9)  # less than the dead one takes to time out

    queue("alive", "channel_vacated", "a")
    queue("alive", "channel_vacated", "b")
    queue("alive", "channel_occupied", "b")
    queued = time.monotonic()
    arrives("channel_vacated", "a", within=20)
    assert time.monotonic() - queued > 2.9
    assert not [event for event in receiver.events if event["channel"] == "b"]
    assert {request.headers["X-Pusher-Key"] for request in receiver.requests} == {"alive"}
    dead.let_go()  # and the worker need not wait for it
