"""The product's processes, as production runs them: on loopback, on free ports, stopped by pid."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis import Redis

from bench.processes import CORES, children, pinned
from bench.websocket import APP_ID, KEY, SECRET
from opbx.settings import ROOT
from tests.postgres import PostgresServer, binaries
from tests.servers import RedisServer, Server, free_port, wait_until

_BIN = Path(sys.executable).parent


class Place:
    """A folder for one part's run, and the environment that its processes share."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.redis = RedisServer(folder)
        self.relay_port = free_port()
        self.web_port = free_port()
        self.env = {
            "OPBX_ENV": "development",
            "LOG_LEVEL": "WARNING",
            "REDIS_URL": self.redis.url,
            "CELERY_BROKER_URL": self.redis.url,
            "WEB_PORT": str(self.web_port),
            "SOKETI_PORT": str(self.relay_port),
            "SOKETI_METRICS_PORT": str(free_port()),
            "WEB_METRICS_PORT": str(free_port()),
            "WORKER_METRICS_PORT": "0",
            "BEAT_METRICS_PORT": "0",
            "SOKETI_DEFAULT_APP_MAX_CONNECTIONS": "20000",
            "USER_RATE_LIMIT": "1000000/minute",  # counted, but never reached
            "ADDRESS_RATE_LIMIT": "1000000/minute",
            "PUSHER_APP_ID": APP_ID,
            "PUSHER_APP_KEY": KEY,
            "PUSHER_APP_SECRET": SECRET,
            "PUSHER_HOST": "127.0.0.1",
            "PUSHER_PORT": str(self.relay_port),
            "RELAY_DRAIN": "0.2",
            "PYTHONPATH": str(ROOT),
            "PATH": f"{_BIN}{os.pathsep}{os.environ['PATH']}",
        }

    def server(self, name: str, command: str, *arguments: str, env: Mapping[str, str] | None = None) -> Server:
        return Server(name, self.folder, str(_BIN / command), *arguments, env={**self.env, **(env or {})})

    def relay(self, **env: str) -> Server:
        return self.server("relay", "gunicorn", "-c", "deploy/gunicorn/relay.py", "wsgi:relay", env=env)

    def wait_relay(self, relay: Server) -> int:
        """Wait until the relay is ready; the pid of the process that serves."""
        wait_answer(relay, f"http://127.0.0.1:{self.relay_port}/ready")
        return children(relay.pid)[0]

    def flask(self, *arguments: str) -> None:
        subprocess.run(
            [str(_BIN / "flask"), "--app", "wsgi:app", *arguments],
            env={**os.environ, **self.env}, cwd=ROOT, capture_output=True, check=True,
        )  # fmt: skip


@contextmanager
def place() -> Iterator[Place]:
    """A folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="opbx-bench-"))
    folder.chmod(0o755)
    try:
        yield Place(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Relay:
    """A running relay: where it listens, the process that serves, and its Redis."""

    port: int
    pid: int
    redis: Redis


@contextmanager
def pinned_relay() -> Iterator[Relay]:
    """A relay on the first core; its Redis, like the load clients, on the last."""
    with place() as here:
        relay = here.relay(RELAY_ACTIVITY_TIMEOUT="300")
        with pinned(CORES[-1]):
            here.redis.start()
        with pinned(CORES[0]):
            relay.start()
        try:
            yield Relay(here.relay_port, here.wait_relay(relay), here.redis.client())
        finally:
            relay.stop(timeout=5.0)
            here.redis.stop(timeout=5.0)


@contextmanager
def running(*servers: Server) -> Iterator[None]:
    """Start in order, stop in the opposite order."""
    with ExitStack() as stack:
        for server in servers:
            stack.callback(server.stop, timeout=5.0)
            server.start()
        yield


@contextmanager
def postgres() -> Iterator[PostgresServer | None]:
    """A PostgreSQL with its usual safety (fsync and all); None where it is not installed."""
    programs = binaries()
    if programs is None:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="opbx-bench-postgres-"))
    server = PostgresServer(folder, programs, settings=("max_connections=200",))
    try:
        with running(server):
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def wait_answer(server: Server, url: str) -> None:
    """Wait until `url` is answered with 200. Raises `RuntimeError` with the server's last words when it ended."""

    def answers() -> bool:
        if not server.running:
            raise RuntimeError(f"{server.name} does not start:\n{server.tail()}")
        return _answers(url)

    wait_until(answers, timeout=60, what=f"{server.name} answering")
    time.sleep(0.2)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
