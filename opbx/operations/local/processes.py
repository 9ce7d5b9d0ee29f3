"""The processes of a local run: how they begin, and in which order and with which last word they end."""

import signal
import sys
import time
from collections.abc import Callable

from honcho.manager import Manager
from honcho.printer import Printer

#: Without these the product still does its work, so that the end of one does not end the others.
EXTRAS = frozenset({"flower", "simulator"})

#: Ends before the others, since it tells the web process how its calls end; seconds that it gets for that.
FIRST_TO_END = "simulator"
HEAD_START = 2.5


class Processes(Manager):  # type: ignore[misc]
    """honcho's manager, with a hook for when all have started, extras, an order of ending, and a last word."""

    def __init__(self, started: Callable[[], None]) -> None:
        # lines bring their own time
        super().__init__(Printer(sys.stdout, time_format=""))
        self._on_started: Callable[[], None] | None = started
        self._stop_wanted = False
        self._others_end_at: float | None = None
        self.culprit: str | None = None

    def terminate(self) -> None:
        """End all: at once, or as soon as honcho can, which has to be told their process ids first."""
        if not self._stop_wanted and self.returncode not in (128 + signal.SIGINT, 128 + signal.SIGTERM):
            self.culprit = next(iter(self._stopped() - EXTRAS), None)
        self._stop_wanted = True
        self._go_on()

    def _all_started(self) -> bool:
        """Whether all have; honcho asks in every turn of its loop, which is when what waits is done."""
        started: bool = super()._all_started()
        if started and self._on_started is not None and not self._stop_wanted:
            self._on_started()
            self._on_started = None
        self._go_on()
        return started

    def _any_stopped(self) -> bool:
        return bool(self._stopped() - EXTRAS)

    def _go_on(self) -> None:
        """Take the next step of ending, where that is wanted and possible."""
        if not self._stop_wanted or not super()._all_started():
            return
        if self._others_end_at is None:
            self._others_end_at = time.monotonic() + HEAD_START
            if FIRST_TO_END in self._processes.keys() - self._stopped():
                self._procmgr.terminate(self._processes[FIRST_TO_END]["pid"])
        waiting = FIRST_TO_END in self._processes.keys() - self._stopped()
        if not waiting or time.monotonic() >= self._others_end_at:
            super().terminate()

    def _stopped(self) -> set[str]:
        return {name for name, process in self._processes.items() if process.get("returncode") is not None}
