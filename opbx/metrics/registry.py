"""The registry of this process's instruments, and how it is written for Prometheus."""

import os
from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from opbx.metrics.sharing import VARIABLE

__all__ = ["INSTRUMENTS", "Collector", "Counter", "Exposition", "Gauge", "Histogram", "Tallied"]

#: Not the library's own registry, which brings metrics of its own along.
INSTRUMENTS = CollectorRegistry()


class Tallied(Histogram):
    """A histogram that also takes what was counted elsewhere: a loop that must not wait for its lock counts itself."""

    def add(self, counts: Sequence[int], total: float) -> None:
        """Add observations: `counts` of them in each bucket (not cumulated, the last is +Inf), `total` their sum."""
        self._sum.inc(total)
        for bucket, count in zip(self._buckets, counts, strict=True):
            if count:
                bucket.inc(count)


def merged() -> Collector:
    """What this process has counted, together with those that it shares a folder with."""
    if VARIABLE in os.environ:
        return MultiProcessCollector(None)  # type: ignore[no-untyped-call]
    return INSTRUMENTS


class Exposition:
    """What one process shows: all that was counted, and what `collectors` find out when they are asked."""

    content_type = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self, *collectors: Collector) -> None:
        self._collectors = collectors

    def text(self) -> bytes:
        return b"".join(generate_latest(source) for source in self._sources())

    def _sources(self) -> Iterable[Collector]:
        yield merged()
        yield from self._collectors
