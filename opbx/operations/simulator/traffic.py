"""Keeps calls coming: draws them, and hands each webhook to the sender when it is due."""

import heapq
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from random import Random

from opbx.operations.simulator.mishaps import befall
from opbx.operations.simulator.plan import Line, draw
from opbx.operations.simulator.sender import Sender
from opbx.operations.simulator.vocabularies import VOCABULARIES, Webhook

THREADS = 16

#: Webhooks that may wait for a receiver that is slow or away; beyond them no call begins.
BACKLOG = 1_000


class Traffic:
    """Calls at a rate, over several lines, until told to stop."""

    def __init__(
        self,
        sender: Sender,
        lines: Sequence[Line],
        *,
        rate: float,
        stop: threading.Event,
        random: Random,
        report: Callable[["Traffic"], None],
    ) -> None:
        self.sender = sender
        self._lines = lines
        self._rate = rate
        self._stop = stop
        self._random = random
        self._report = report
        self._due: list[tuple[float, int, Line, Webhook]] = []
        self._order = count()
        self._waiting = 0
        self._lock = threading.Lock()
        self.calls = 0

    def run(self, duration: float | None) -> None:
        """Begin calls for `duration` seconds (None: for ever), then let those that are open end."""
        begin = next_call = time.time()
        last = None if duration is None else begin + duration
        pool = ThreadPoolExecutor(THREADS, thread_name_prefix="sender")
        try:
            while not self._stop.is_set():
                now = time.time()
                over = last is not None and now >= last
                if over and not self._due and not self._waiting:
                    return
                if not over and now >= next_call:
                    self._begin_call(now)
                    next_call = now + self._random.expovariate(self._rate)
                self._hand_over(pool, now)
                self._report(self)
                self._stop.wait(self._until_next(now, None if over else next_call))
        finally:
            pool.shutdown(cancel_futures=True)

    def _begin_call(self, now: float) -> None:
        if self._waiting >= BACKLOG:
            return
        line = self._random.choice(self._lines)
        tell = self._random.choice(VOCABULARIES)
        for webhook in befall(self._random, tell(draw(self._random, line, now))):
            heapq.heappush(self._due, (webhook.at, next(self._order), line, webhook))
        self.calls += 1

    def _hand_over(self, pool: ThreadPoolExecutor, now: float) -> None:
        while self._due and self._due[0][0] <= now:
            _, _, line, webhook = heapq.heappop(self._due)
            with self._lock:
                self._waiting += 1
            pool.submit(self._deliver, line, webhook)

    def _deliver(self, line: Line, webhook: Webhook) -> None:
        try:
            self.sender.send(line, webhook)
        finally:
            with self._lock:
                self._waiting -= 1

    def _until_next(self, now: float, next_call: float | None) -> float:
        moments = [moment for moment in (next_call, self._due[0][0] if self._due else None) if moment is not None]
        return min(max(min(moments, default=now + 0.2) - now, 0.005), 0.5)
