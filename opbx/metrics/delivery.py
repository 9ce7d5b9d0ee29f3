"""The time from an event's commit to each stage of its delivery. Workers measure the first two, relays the last.

Between machines it is as exact as their clocks agree.
"""

from opbx.metrics.registry import INSTRUMENTS, Tallied

#: Seconds. The goal for a client is 0.3; the tail is what an outage takes.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 1.0, 3.0, 10.0, 60.0, 600.0)

DELIVERY = Tallied(
    "opbx_delivery_seconds",
    "Time since an event's commit when it was taken by a worker, published to Redis, written by a relay to everybody",
    ["stage"],
    buckets=BOUNDS,
    registry=INSTRUMENTS,
)
