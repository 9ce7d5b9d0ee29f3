"""`queue`: tasks a second through the queue, for one worker process, two, and four."""

import time
from uuid import uuid4

import orjson
from redis import Redis

from bench.processes import tree_cpu_seconds
from bench.report import Table, thousands
from bench.servers import Place, place, running
from opbx.broadcasting.wakes import DELIVER
from opbx.queue import create_queue
from opbx.settings import Settings
from tests.servers import wait_until

WORKERS = (1, 2, 4)
TASKS = 6_000  # of each run

QUEUE, UNACKNOWLEDGED = "broadcasts", "unacked"


def run() -> None:
    """Measure and print."""
    table = Table(
        f"{thousands(TASKS)} tasks that deliver nothing, through the queue",
        ("workers", "tasks/s", "processor time a task"),
    )
    with place() as here, running(here.redis):
        here.env["DATABASE_URL"] = f"sqlite:///{here.folder / 'bench.sqlite3'}"
        here.flask("db", "upgrade")
        redis = here.redis.client()
        for workers in WORKERS:
            rate, cpu = _measure(here, redis, workers)
            table.add(str(workers), thousands(rate), f"{1000 * cpu:.2f} ms")
    table.show()


def _measure(here: Place, redis: Redis, workers: int) -> tuple[float, float]:
    """Tasks a second, and seconds of the workers' processor time for each."""
    servers = [
        here.server(f"worker{number}", "celery", "-q", "-A", "workers", "worker", "-n", f"w{number}@bench")
        for number in range(workers)
    ]
    message = _message(here, redis)
    with running(*servers):
        wait_until(lambda: is_done(redis), what="a worker at work")
        time.sleep(3.0)  # the others
        before = sum(tree_cpu_seconds(server.pid) for server in servers)
        copies = [_copy(message) for _ in range(TASKS)]
        started = time.monotonic()
        redis.lpush(QUEUE, *copies)
        wait_until(lambda: is_done(redis), timeout=120, what="an empty queue")
        took = time.monotonic() - started
        used = sum(tree_cpu_seconds(server.pid) for server in servers) - before
    return TASKS / took, used / TASKS


def is_done(redis: Redis) -> bool:
    """Whether no task waits and none is under way."""
    return redis.llen(QUEUE) == 0 and not redis.exists(UNACKNOWLEDGED)


def _message(here: Place, redis: Redis) -> bytes:
    """A message as the queue holds it. One sender is slower than several workers, so it is sent once and copied."""
    create_queue(Settings(broker_url=here.redis.url)).send_task(DELIVER, args=({},))
    message = redis.lindex(QUEUE, 0)
    assert isinstance(message, bytes)
    return message


def _copy(message: bytes) -> bytes:
    """The same message as one of its own."""
    copied = orjson.loads(message)
    task = copied["headers"]["id"] = copied["properties"]["correlation_id"] = str(uuid4())
    copied["properties"]["delivery_tag"] = task
    return orjson.dumps(copied)
