"""What the instruments of this process have counted by now."""

from opbx.metrics.registry import INSTRUMENTS


def counted(name: str, **labels: str) -> float:
    """The value of a sample, by its name and labels as Prometheus has them; 0 where there is none yet."""
    return INSTRUMENTS.get_sample_value(name, labels) or 0.0
