"""What was tallied elsewhere is a histogram like any other."""

from prometheus_client import CollectorRegistry, generate_latest

from opbx.metrics.registry import Tallied


def test_a_tally_adds_up_with_what_is_observed() -> None:
    registry = CollectorRegistry()
    histogram = Tallied("wait_seconds", "Waits", buckets=(0.1, 1.0), registry=registry)
    histogram.observe(0.05)
    histogram.add([2, 0, 1], 7.5)
    shown = generate_latest(registry).decode()
    for line in (
        'wait_seconds_bucket{le="0.1"} 3.0',
        'wait_seconds_bucket{le="1.0"} 3.0',
        'wait_seconds_bucket{le="+Inf"} 4.0',
        "wait_seconds_count 4.0",
        "wait_seconds_sum 7.55",
    ):
        assert line in shown
