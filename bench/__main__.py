"""`python -m bench [part …]`: run the parts that are named, or all."""

import os
import sys
import time
from importlib import import_module

from bench.processes import busy_seconds, tree_cpu_seconds

#: In the order in which they run.
PARTS = (
    "journey", "sustained", "ratio", "authorize", "drain", "queue", "idle", "memory", "fanout", "spread", "storm",
    "peers", "board",
)  # fmt: skip


def main(wanted: list[str]) -> int:
    """Run the parts; the exit code."""
    unknown = [name for name in wanted if name not in PARTS]
    if unknown:
        print(f"There is no part {', '.join(unknown)}. The parts are: {', '.join(PARTS)}.", file=sys.stderr)
        return 2
    cores = os.cpu_count() or 1
    for name in wanted or PARTS:
        started, others = time.monotonic(), _others()
        import_module(f"bench.{name}").run()
        took = time.monotonic() - started
        share = (_others() - others) / (took * cores)
        print(f"  ({took:.0f} s; others used {share:.0%} of the machine's {cores} cores meanwhile)", flush=True)
    return 0


def _others() -> float:
    """Processor time of all that this run has not started: what disturbs it."""
    return busy_seconds() - tree_cpu_seconds(os.getpid())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
