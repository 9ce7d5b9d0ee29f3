"""`python -m faults`: run the faults that are named, or all and then pairs of them, and print one table."""

import argparse
import random
import signal
import sys
import time
from collections.abc import Sequence

from faults.calls import ABANDONED
from faults.catalog import FAULTS, Fault
from faults.run import Row, Run
from faults.system import running

COLUMNS = ("fault", "webhooks", "events", "lost", "duplicated", "out of order", "longest stall", "time to heal")


def main(arguments: list[str]) -> int:
    """The exit code: 0 when nothing was lost, duplicated or out of order."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # and stop what was started on the way out
    given = _options(arguments)
    rng = random.Random(given.seed)
    script = [*([fault] for fault in _chosen(given.faults)), *_pairs(given.pairs, rng)]
    print(f"seed {given.seed}, {given.rate:g} webhooks/s, faults of {given.seconds:g} s", flush=True)
    rows = bench(script, rng, seconds=given.seconds, rate=given.rate, organizations=given.organizations)
    show(rows)
    return 0 if all(row.clean for row in rows) else 1


def bench(
    script: Sequence[Sequence[Fault]],
    rng: random.Random,
    *,
    seconds: float,
    rate: float,
    organizations: int,
    abandoned: float = ABANDONED,
) -> list[Row]:
    """Put the faults of each line of `script` into one running system, and tell of each line as it is done."""
    rows: list[Row] = []
    with running(organizations) as system:
        run = Run(system, rng, rate=rate, abandoned=abandoned)
        run.start()
        try:
            for faults in script:
                rows.append(run.row(faults, seconds))
                _tell(rows[-1])
            if abandoned:
                rows.append(run.afterwards())
                _tell(rows[-1])
        finally:
            run.stop()
    return rows


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of everything random")
    parser.add_argument("--faults", default="", help="names or parts of names, separated by commas; all by default")
    parser.add_argument("--seconds", type=float, default=6.0, help="that a fault lasts (default 6)")
    parser.add_argument("--pairs", type=int, default=None, help="pairs after them (default 8, 0 with --faults)")
    parser.add_argument("--rate", type=float, default=100.0, help="webhooks a second (default 100)")
    parser.add_argument("--organizations", type=int, default=3)
    given = parser.parse_args(arguments)
    if given.pairs is None:
        given.pairs = 0 if given.faults else 8
    return given


def _chosen(names: str) -> list[Fault]:
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in wanted if not any(name in fault.name for fault in FAULTS)]
    if unknown:
        known = "\n  ".join(fault.name for fault in FAULTS)
        raise SystemExit(f"There is no fault {', '.join(unknown)}. The faults are:\n  {known}")
    return [fault for fault in FAULTS if not wanted or any(name in fault.name for name in wanted)]


def _pairs(count: int, rng: random.Random) -> list[list[Fault]]:
    pairs: list[list[Fault]] = []
    while len(pairs) < count:
        first, second = rng.sample(FAULTS[1:], 2)
        if first.target != second.target:
            pairs.append([first, second])
    return pairs


def cells(row: Row) -> tuple[str, ...]:
    """The row's figures, in the order of `COLUMNS`."""
    verdict = row.verdict
    counts = (row.webhooks, row.events, len(verdict.lost), len(verdict.duplicated), len(verdict.disordered))
    return (row.fault, *map(str, counts), f"{row.waits.stall:.1f} s", f"{row.waits.healed:.1f} s")


def _tell(row: Row) -> None:
    print("  ".join(cells(row)), flush=True)
    for line in list(row.verdict.lines())[:12]:
        print(f"    {line}", flush=True)


def show(rows: list[Row]) -> None:
    """Print the table, as documents have it."""
    print(f"\n| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for row in rows:
        print(f"| {' | '.join(cells(row))} |")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
