"""A worker that has grown too large goes gently, and its supervisor starts it again.

Celery's own limit (`worker_max_memory_per_child`) is the prefork pool's; with threads all tasks share one process.
"""

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import structlog
from celery.signals import worker_ready

from workers import settings

log = structlog.get_logger()

#: Seconds between two looks.
LOOK = 10.0

_MEBIBYTE = 1024 * 1024
_STATUS = Path("/proc/self/statm")


@worker_ready.connect
def _watch(**_: Any) -> None:
    if settings.worker_max_memory and _STATUS.exists():
        most = settings.worker_max_memory * _MEBIBYTE
        threading.Thread(target=_leave_above, args=(most,), name="memory", daemon=True).start()


def _leave_above(most: int) -> None:
    while resident() <= most:
        time.sleep(LOOK)
    log.warning("the worker has grown too large and goes", mebibytes=resident() // _MEBIBYTE)
    os.kill(os.getpid(), signal.SIGTERM)  # a warm shutdown: what is under way is finished


def resident() -> int:
    """Bytes of memory that this process has."""
    return int(_STATUS.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
