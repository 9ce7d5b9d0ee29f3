"""What this relay process has done, in plain integers: whoever sends a million frames a second cannot stop for a lock.

Only the event loop counts here. `metrics.py` takes the figures from here once a second.
"""

from bisect import bisect_left
from collections import Counter

from opbx.metrics.delivery import BOUNDS


class Traffic:
    """Of one app: its connections, and what they sent and were sent. Counted by the batch, not by the frame."""

    __slots__ = ("bytes_in", "bytes_out", "closed", "connected", "messages_in", "messages_out", "opened")

    def __init__(self) -> None:
        self.opened = 0
        self.connected = 0
        self.closed: Counter[int] = Counter()  # by close code, refused ones included
        self.messages_in = 0
        self.bytes_in = 0
        self.messages_out = 0
        self.bytes_out = 0


class _ByApp(dict[str, Traffic]):
    def __missing__(self, app_id: str) -> Traffic:
        traffic = self[app_id] = Traffic()
        return traffic


class Delays:
    """How long after their commits events were written, as the buckets of a histogram."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        seconds = max(seconds, 0.0)  # the clocks of two machines differ
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds


class Tally:
    """Everything that is counted here."""

    __slots__ = (
        "backplane_losses", "delays", "http", "limited", "recoveries", "resyncs", "slow_readers", "traffic",
    )  # fmt: skip

    def __init__(self) -> None:
        self.traffic = _ByApp()  # by app id
        self.delays = Delays()
        self.http: Counter[tuple[str, int]] = Counter()  # calls of back ends, by name and status
        self.limited: Counter[str] = Counter()  # refused, by limit
        self.slow_readers = 0
        self.resyncs = 0
        self.recoveries = 0
        self.backplane_losses = 0


#: A process is one node, and counts in one place.
TALLY = Tally()
