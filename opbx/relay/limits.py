"""How often and how much: rates of one connection, kept here; rates of an app, kept over all nodes on the backplane."""

import time
from collections import Counter


class Bucket:
    """So many a second, and as many at once."""

    __slots__ = ("_at", "_rate", "_tokens")

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._tokens = float(rate)
        self._at = time.monotonic()

    def take(self) -> bool:
        """Whether one more is within the rate."""
        now = time.monotonic()
        self._tokens = min(self._rate, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Addresses:
    """How many connections each address has on this node."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._connections: Counter[str] = Counter()

    def enter(self, address: str) -> bool:
        """Count one more; False, and not counted, when the address has its fill. -1 is no limit."""
        if 0 <= self._most <= self._connections[address]:
            return False
        self._connections[address] += 1
        return True

    def leave(self, address: str) -> None:
        self._connections[address] -= 1
        if self._connections[address] <= 0:
            del self._connections[address]
