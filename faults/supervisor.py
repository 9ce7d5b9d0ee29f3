"""Keeps processes running as systemd would (`Restart=always`), and hurts them on order."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from tests.servers import Server

#: Seconds between a process's end and its next start (systemd's RestartSec).
RESTART_AFTER = 0.5

_LOOK = 0.05


class Supervisor:
    """Restarts whatever ended without being told to. The first process given is started first and ended last."""

    def __init__(self, servers: Sequence[Server]) -> None:
        self._servers = {server.name: server for server in servers}
        self._wanted: set[str] = set()
        self._ended: dict[str, float] = {}
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self.restarts = 0

    def begin(self) -> None:
        self._watcher.start()

    def end(self) -> None:
        """Let go of everything, gently."""
        self._over.set()
        if self._watcher.is_alive():
            self._watcher.join()
        for server in reversed(self._servers.values()):
            if server.running:
                signal_tree(server.pid, signal.SIGCONT)
                server.stop(timeout=10)
                _kill_all(list(_tree(server.pid)))

    def start(self, name: str) -> None:
        with self._lock:
            self._wanted.add(name)
            self._servers[name].start()

    def stop(self, name: str, how: Callable[[], None] | None = None) -> None:
        """End a process in its usual way, or by `how`, and leave it ended."""
        with self._lock:
            self._wanted.discard(name)
            server = self._servers[name]
            if how is not None:
                how()
                deadline = time.monotonic() + 5
                while server.running and time.monotonic() < deadline:
                    time.sleep(0.02)
            server.stop()

    def kill(self, name: str) -> None:
        """kill -9 of the process and all that it has started. It is started again."""
        server = self._servers[name]
        if server.running:
            _kill_all(list(_tree(server.pid)))

    def freeze(self, name: str) -> None:
        signal_tree(self._servers[name].pid, signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        if self._servers[name].running:
            signal_tree(self._servers[name].pid, signal.SIGCONT)

    def tail(self, name: str) -> str:
        return self._servers[name].tail()

    def _watch(self) -> None:
        while not self._over.wait(_LOOK):
            with self._lock:
                for name in sorted(self._wanted):
                    self._look_after(name)

    def _look_after(self, name: str) -> None:
        server = self._servers[name]
        if server.running:
            self._ended.pop(name, None)
            return
        if time.monotonic() - self._ended.setdefault(name, time.monotonic()) >= RESTART_AFTER:
            del self._ended[name]
            self.restarts += 1
            Server.start(server)  # without waiting until it answers: that may take several starts


def _tree(pid: int) -> Iterator[int]:
    """The process and all below it, parents first. PostgreSQL's children leave their parent's process group."""
    yield pid
    with suppress(FileNotFoundError, ProcessLookupError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            yield from _tree(int(child))


def signal_tree(pid: int, number: signal.Signals) -> None:
    for one in list(_tree(pid)):
        with suppress(ProcessLookupError):
            os.kill(one, number)


def _kill_all(pids: Sequence[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
