"""One folder in which the processes forked from one server count together, so that any of them can show the sum.

prometheus-client decides at its import whether it counts into files, so `share` must run before anything imports it:
first of all in a gunicorn configuration.
"""

import os
import shutil
import tempfile
from pathlib import Path

#: What prometheus-client looks for.
VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

#: Of a folder's name; the server's process id follows.
_PREFIX = "opbx-metrics-"


def share() -> None:
    """From here on this process and those forked from it count into files in a folder of their own."""
    prefix = f"{_PREFIX}{os.getpid()}-"
    if Path(os.environ.get(VARIABLE, "")).name.startswith(prefix):
        return  # the server reads its configuration again
    # In memory: a disk that is slow for a moment must not hold up whoever counts.
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own is made there
    usable = memory.is_dir() and os.access(memory, os.W_OK)
    place = memory if usable else Path(tempfile.gettempdir())
    sweep(place)
    os.environ[VARIABLE] = tempfile.mkdtemp(prefix=prefix, dir=place)


def sweep(place: Path) -> None:
    """Remove what servers left behind that were killed: it is memory."""
    for left in place.glob(f"{_PREFIX}*"):
        pid = left.name.removeprefix(_PREFIX).partition("-")[0]
        try:
            os.kill(int(pid), 0)  # nothing is sent: it is only asked whether there is such a process
        except ProcessLookupError:
            shutil.rmtree(left, ignore_errors=True)
        except (PermissionError, ValueError):
            continue  # somebody else's


def bury(pid: int) -> None:
    """A forked process has ended: what it counted stays in the sums, what it had (connections, say) does not."""
    from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415 - after `share`

    mark_process_dead(pid)  # type: ignore[no-untyped-call]


def unshare() -> None:
    """Remove the folder; the server and all its processes end."""
    shutil.rmtree(os.environ.pop(VARIABLE, ""), ignore_errors=True)
