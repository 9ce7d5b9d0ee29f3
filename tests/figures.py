"""What a process shows on its metrics port."""

import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.servers import wait_until


class Figures:
    """What the metrics port of a process showed at one moment."""

    def __init__(self, port: int) -> None:
        text = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text
        self.samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def __call__(self, name: str, **labels: str) -> float:
        """The sum of all samples of that name with those labels."""
        return sum(s.value for s in self.samples if s.name == name and labels.items() <= s.labels.items())


def moves(port: int, name: str, before: float, by: float, **labels: str) -> None:
    what = f"{name}{labels} from {before} by {by}"
    wait_until(lambda: Figures(port)(name, **labels) >= before + by, timeout=15, what=what)
