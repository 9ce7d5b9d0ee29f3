"""A circuit breaker: while something is away, only one caller a while finds out whether it is back."""

import time
from collections.abc import Callable
from threading import Lock


class Breaker:
    """Closed, everybody may try. After a failure it is open: nobody may, but one probe each `pause` seconds."""

    def __init__(self, pause: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._pause = pause
        self._clock = clock
        self._lock = Lock()
        self._probe_at: float | None = None  # None: closed

    def allows(self) -> bool:
        """Whether the caller may try; who is told yes reports `succeeded` or `failed`."""
        with self._lock:
            if self._probe_at is None:
                return True
            now = self._clock()
            if now < self._probe_at:
                return False
            self._probe_at = now + self._pause  # the caller is the probe, the others go on waiting
            return True

    def failed(self) -> bool:
        """Open. Returns whether it was closed, so that an outage is logged once."""
        with self._lock:
            was_closed = self._probe_at is None
            self._probe_at = self._clock() + self._pause
            return was_closed

    def succeeded(self) -> bool:
        """Close. Returns whether it was open."""
        with self._lock:
            was_open = self._probe_at is not None
            self._probe_at = None
            return was_open
