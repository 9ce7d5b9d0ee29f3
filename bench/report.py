"""Figures as people read them: percentiles, medians, and one table for each part."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of all lie; of sorted `values`. Not a number where there are none."""
    if not values:
        return float("nan")
    return values[min(len(values) - 1, int(len(values) * share))]


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle and the end of many durations, in milliseconds."""

    p50: float
    p99: float
    worst: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Spread":
        ordered = sorted(seconds)
        return cls(*(1000 * percentile(ordered, share) for share in (0.5, 0.99, 1.0)))

    def __str__(self) -> str:
        return f"{self.p50:.1f} / {self.p99:.1f} / {self.worst:.1f} ms"


def median(values: Sequence[float]) -> float:
    return statistics.median(values) if values else float("nan")


def thousands(number: float) -> str:
    return f"{number:,.0f}"


@dataclass
class Table:
    """Rows of what was measured, with the goal beside it where there is one."""

    title: str
    columns: Sequence[str] = ("measured", "figure", "goal", "")
    rows: list[tuple[str, ...]] = field(default_factory=list)

    def add(self, *cells: str) -> None:
        self.rows.append(cells)

    def goal(self, what: str, figure: str, goal: str, met: bool) -> None:
        """A figure that a goal is set for."""
        self.add(what, figure, goal, "met" if met else "missed")

    def figure(self, what: str, figure: str) -> None:
        self.add(what, figure, "", "")

    def show(self) -> None:
        lines = [tuple(self.columns), *self.rows]
        widths = [max(len(line[i]) for line in lines if i < len(line)) for i in range(len(self.columns))]
        print(f"\n{self.title}")
        for number, line in enumerate(lines):
            print("  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=False)).rstrip())
            if number == 0:
                print("  " + "  ".join("-" * width for width in widths))
