"""Keeps calls coming: draws them, hands each webhook to the sender when it is due, and leaves no call open."""

import heapq
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from random import Random

from opbx.operations.simulator.mishaps import befall
from opbx.operations.simulator.plan import CallPlan, Line, cut_short, draw
from opbx.operations.simulator.sender import Sender
from opbx.operations.simulator.vocabularies import VOCABULARIES, Vocabulary, Webhook

THREADS = 16

#: Webhooks that may wait for a receiver that is slow or away; beyond them no call begins.
BACKLOG = 1_000

#: Seconds for telling how the open calls end, when told to stop.
FAREWELL = 2.0


@dataclass
class _Call:
    """A call that is being told of, with the number of webhooks that are still to be delivered."""

    plan: CallPlan
    tell: Vocabulary
    left: int
    begun: bool = False


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
        self._due: list[tuple[float, int, Line, Webhook, _Call | None]] = []
        self._open: dict[str, _Call] = {}
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
            self._end_open_calls()

    def later(self, line: Line, webhook: Webhook) -> None:
        """Send one more webhook, when it is due."""
        self._put(line, webhook, None)

    def _put(self, line: Line, webhook: Webhook, call: _Call | None) -> None:
        heapq.heappush(self._due, (webhook.at, next(self._order), line, webhook, call))

    def _begin_call(self, now: float) -> None:
        if self._waiting >= BACKLOG:
            return
        line = self._random.choice(self._lines)
        tell = self._random.choice(VOCABULARIES)
        plan = draw(self._random, line, now)
        story = befall(self._random, tell(plan))
        call = self._open[plan.call_id] = _Call(plan, tell, len(story))
        for webhook in story:
            self._put(line, webhook, call)
        self.calls += 1

    def _hand_over(self, pool: ThreadPoolExecutor, now: float) -> None:
        while self._due and self._due[0][0] <= now:
            _, _, line, webhook, call = heapq.heappop(self._due)
            with self._lock:
                self._waiting += 1
            pool.submit(self._deliver, line, webhook, call)

    def _deliver(self, line: Line, webhook: Webhook, call: _Call | None) -> None:
        if call is not None:
            call.begun = True
        done = self.sender.send(line, webhook)
        with self._lock:
            self._waiting -= 1
            if call is not None and done:
                call.left -= 1
                if not call.left:
                    del self._open[call.plan.call_id]

    def _end_open_calls(self) -> None:
        """Tell how the calls end that were told of and are open, so that none stays on a board."""
        now, deadline = time.time(), time.monotonic() + FAREWELL
        with ThreadPoolExecutor(THREADS, thread_name_prefix="farewell") as pool:
            for call in self._open.values():
                if call.begun:
                    *_, end = call.tell(cut_short(call.plan, now))
                    pool.submit(self.sender.send_by, deadline, call.plan.line, end)

    def _until_next(self, now: float, next_call: float | None) -> float:
        moments = [moment for moment in (next_call, self._due[0][0] if self._due else None) if moment is not None]
        return min(max(min(moments, default=now + 0.2) - now, 0.005), 0.5)
