"""A real worker and beat: events arrive, absences are held, and a dead endpoint holds up nobody else."""

import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import orjson
import pytest
from redis import Redis

from opbx.backplane.hooks import hook_call
from opbx.backplane.scripts import run
from opbx.queue import create_queue
from opbx.settings import Settings
from opbx.webhooks.batches import Batch
from tests.figures import moves
from tests.servers import RedisServer, Server, free_port, wait_until
from tests.webhooks.receiver import Receiver

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def dead() -> Iterator[Receiver]:
    with Receiver() as receiver:
        receiver.hang = True
        yield receiver


@pytest.fixture
def ports() -> dict[str, int]:
    """Where worker and beat show their metrics."""
    return {"worker": free_port(), "beat": free_port()}


@pytest.fixture
def worker(
    tmp_path: Path, redis_server: RedisServer, receiver: Receiver, dead: Receiver, empty_database: Path,
    ports: dict[str, int],
) -> Iterator[Server]:  # fmt: skip
    apps = [
        {"id": "alive", "key": "alive", "secret": "s", "webhooks": [{"url": receiver.url}]},
        {"id": "dead", "key": "dead", "secret": "s", "webhooks": [{"url": dead.url}]},
    ]
    (tmp_path / "apps.json").write_bytes(orjson.dumps(apps))
    environment = {
        "OPBX_ENV": "test",
        "DATABASE_URL": f"sqlite:///{shutil.copy(empty_database, tmp_path / 'opbx.sqlite3')}",
        "REDIS_URL": redis_server.url,
        "CELERY_BROKER_URL": redis_server.url,
        "PUSHER_APPS_FILE": str(tmp_path / "apps.json"),
        "WORKER_METRICS_PORT": str(ports["worker"]),
        "BEAT_METRICS_PORT": str(ports["beat"]),
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


def give_up(redis_url: str) -> None:
    """Queue a batch for an endpoint that no app has."""
    queue = create_queue(Settings(environment="test", redis_url=redis_url, broker_url=redis_url))
    batch = Batch(id="batch", app_id="alive", url="http://127.0.0.1:1/", time_ms=int(1000 * time.time()), body="{}")
    queue.send_task("webhooks.send", kwargs=asdict(batch))


def test_from_the_queue_to_the_receiver(
    redis: Redis, redis_server: RedisServer, worker: Server, receiver: Receiver, dead: Receiver, ports: dict[str, int]
) -> None:
    def queue(app_id: str, name: str, channel: str) -> None:
        run(redis, [hook_call(app_id, {"name": name, "channel": channel})])

    def arrives(name: str, channel: str, within: float) -> None:
        event = {"name": name, "channel": channel}
        wait_until(lambda: event in receiver.events, timeout=within, what=f"{event}: {worker.tail()}")

    for number in range(20):
        queue("dead", "channel_occupied", f"dead-{number}")
    wait_until(lambda: dead.requests, timeout=40, what=f"the dead one being asked: {worker.tail()}")
    queue("dead", "channel_occupied", "dead-later")
    moves(ports["beat"], "opbx_app_webhook_events_waiting", 0, 1, app="dead")

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
    moves(ports["worker"], "opbx_app_webhooks_total", 0, 2, outcome="sent")
    moves(ports["worker"], "opbx_app_webhooks_total", 0, 1, outcome="again")
    give_up(redis_server.url)
    moves(ports["worker"], "opbx_app_webhooks_total", 0, 1, outcome="given up")
    moves(ports["beat"], "opbx_given_up_webhooks", 0, 1)
    dead.let_go()  # and the worker need not wait for it
