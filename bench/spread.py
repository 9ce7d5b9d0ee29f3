"""`spread`: many organizations with few subscribers each, and events over all of them."""

from bench.counting import Progress, count
from bench.fanout import COLUMNS, Run, measure
from bench.peers import BUN, Contender, contenders, install
from bench.processes import CORES, Child, pinned
from bench.report import Table
from bench.swarm import Wish

ORGANIZATIONS, SUBSCRIBERS = 200, 20
GOAL = 0.5  # of Bun's rate

_SECONDS = 5.0


def run() -> None:
    """Measure and print."""
    names = ["relay, backplane", "relay, HTTP API", *([BUN] if install() else [])]
    table = Table(
        f"Events over {ORGANIZATIONS} organizations of {SUBSCRIBERS} subscribers, {ORGANIZATIONS} messages in flight",
        ("server", *COLUMNS, "of Bun's rate", "goal", ""),
    )
    with contenders(names) as field:
        runs = {name: _measure(contender) for name, contender in field.items()}
    for name, one in runs.items():
        ratio = one.rate / runs[BUN].rate if BUN in runs else float("nan")
        judged = name.startswith("relay")
        verdict = one.faults or (("met" if ratio >= GOAL else "missed") if judged else "")
        table.add(name, *one.cells(), f"{ratio:.2f}", f"≥ {GOAL}" if judged else "", verdict)
    table.show()


def _measure(contender: Contender) -> Run:
    channels = [f"spread.{number:03}" for number in range(ORGANIZATIONS)]
    wishes = [Wish(channel) for _ in range(SUBSCRIBERS) for channel in channels]
    progress = Progress()
    with pinned(CORES[-1]):
        child = Child(count, contender.port, wishes, progress, ORGANIZATIONS)
        try:
            child.receive()
            load = contender.load(channels, progress)
            try:
                return measure(child, load, contender.pid, window=ORGANIZATIONS, seconds=_SECONDS)
            finally:
                load.close()
        finally:
            child.stop()
