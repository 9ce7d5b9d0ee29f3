"""What the kernel knows of a server's processes: memory, processor time, files. Read when Prometheus asks."""

import os
import resource
from collections.abc import Callable, Iterable
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICK = os.sysconf("SC_CLK_TCK")


def own() -> list[int]:
    """This process, and those that it has forked (a pool of workers)."""
    return [os.getpid(), *_children(os.getpid())]


def siblings() -> list[int]:
    """All that the server which forked this process has forked."""
    return _children(os.getppid())


class Processes:
    """A collector: one sample for each of the processes that `pids` names."""

    def __init__(self, pids: Callable[[], list[int]]) -> None:
        self._pids = pids

    def collect(self) -> Iterable[Metric]:
        memory = GaugeMetricFamily("opbx_process_resident_memory_bytes", "Memory in use", labels=["pid"])
        cpu = CounterMetricFamily("opbx_process_cpu_seconds", "Processor time used", labels=["pid"])
        files = GaugeMetricFamily("opbx_process_open_files", "Open files, sockets among them", labels=["pid"])
        most = GaugeMetricFamily("opbx_process_max_files", "Files that the process may open", labels=["pid"])
        for pid in self._pids():
            proc, label = Path(f"/proc/{pid}"), [str(pid)]
            try:
                memory.add_metric(label, resident(pid))
                cpu.add_metric(label, _cpu_seconds(proc))
                files.add_metric(label, sum(1 for _ in (proc / "fd").iterdir()))
                most.add_metric(label, resource.prlimit(pid, resource.RLIMIT_NOFILE)[0])
            except OSError:
                continue  # it has just ended, or there is no /proc
        return memory, cpu, files, most


def resident(pid: int) -> int:
    """Bytes of memory that the process has. Raises `OSError` where that cannot be read."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


def memory_limit() -> int:
    """Bytes of memory that this process may use: its control group's limit, else the machine's memory."""
    machine = os.sysconf("SC_PHYS_PAGES") * _PAGE
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            return min(int(Path(limit).read_text()), machine)
        except (OSError, ValueError):  # "max"
            continue
    return machine


def _cpu_seconds(proc: Path) -> float:
    user, system = (proc / "stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / _TICK


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
