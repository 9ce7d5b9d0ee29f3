"""Processes of the load clients' own, and what the kernel says of any process."""

import gc
import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

_FORK = multiprocessing.get_context("fork")

#: Seconds to wait for an answer of a process.
_PATIENCE = 90.0

CORES = sorted(os.sched_getaffinity(0))


class Child:
    """A process that runs `work(pipe, …)`. What fails there is raised by `receive` here."""

    def __init__(self, work: Callable[..., None], *arguments: Any) -> None:
        self._pipe, theirs = _FORK.Pipe()
        self._process = _FORK.Process(target=_run, args=(work, theirs, *arguments), daemon=True)
        self._process.start()
        theirs.close()

    def send(self, message: Any) -> None:
        self._pipe.send(message)

    def receive(self) -> Any:
        try:
            if not self._pipe.poll(_PATIENCE):
                raise RuntimeError("a load client does not answer")
            answer = self._pipe.recv()
        except EOFError:
            raise RuntimeError("a load client ended without an answer") from None
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def stop(self) -> None:
        self._pipe.close()
        self._process.terminate()
        self._process.join()


def _run(work: Callable[..., None], pipe: Connection, *arguments: Any) -> None:
    gc.disable()  # nothing here is cyclic, and a collection would look like latency
    try:
        work(pipe, *arguments)
    except Exception as error:
        pipe.send(RuntimeError(f"{type(error).__name__}: {error}"))


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """What is started inside stays on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def resident(pid: int) -> int:
    """Bytes of memory that the process has, shared pages included."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid: int) -> float:
    """Processor time that the process has used, with that of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:15]) / float(os.sysconf("SC_CLK_TCK"))


def tree_cpu_seconds(pid: int) -> float:
    """Processor time that the process and all below it have used."""
    try:
        return cpu_seconds(pid) + sum(tree_cpu_seconds(child) for child in children(pid))
    except FileNotFoundError:  # it has just ended; its parent has its time
        return 0.0


def busy_seconds() -> float:
    """Processor time that anything on this machine has used since it started."""
    user, nice, system, _idle, _waiting, *more = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:8]
    return sum(int(ticks) for ticks in (user, nice, system, *more)) / float(os.sysconf("SC_CLK_TCK"))
