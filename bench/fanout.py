"""`fanout`: one relay on a core of its own, one channel with many subscribers."""

from bench.counting import Counted, Progress, count
from bench.processes import CORES, Child, cpu_seconds, pinned
from bench.publishing import WINDOW, Backplane, HttpApi, Load
from bench.report import Table, thousands
from bench.servers import pinned_relay
from bench.swarm import Wish

CHANNEL = "bench"
SUBSCRIBERS = (1_000, 5_000)
RATES = (20_000, 100_000)
GOAL = 500_000

#: Seconds of each measurement.
SATURATED, STEADY = 5.0, 3.5

COLUMNS = ("deliveries/s", "per CPU second", "p50 / p99 / max", "CPU: server, client")


class Run:
    """One measurement of `server` (a pid): what arrived, what was wrong with it, and how busy the server was."""

    def __init__(self, counted: Counted, faults: str, server_cpu: float) -> None:
        first, last = counted.marks[0], counted.marks[-1]
        self.counted = counted
        self.faults = faults
        self.rate = counted.rate()
        #: Deliveries for each second of the server's processor time: what others on the machine disturb least.
        self.efficiency = (last[1] - first[1]) / server_cpu
        self._busy = server_cpu / (last[0] - first[0])

    def cells(self) -> tuple[str, ...]:
        """What `COLUMNS` names."""
        busy = f"{self._busy:.0%}, {self.counted.client_cpu:.0%}"
        return thousands(self.rate), thousands(self.efficiency), str(self.counted.latency), busy


def measure(child: Child, load: Load, server: int, *, rate: float = 0.0, window: int = WINDOW, seconds: float) -> Run:
    """Publish at `rate` messages a second, or as fast as `window` allows where it is 0."""
    child.send(("begin", 10 if rate else 20))
    child.receive()
    before = cpu_seconds(server)
    published = load.at_rate(rate, seconds) if rate else load.saturate(seconds, window=window)
    used = cpu_seconds(server) - before
    child.send("report")
    counted: Counted = child.receive()
    return Run(counted, counted.faults(published, in_order=load.in_order), used)


def run() -> None:
    """Measure and print."""
    table = Table(
        f"Fan-out of one relay on one core: one channel, {WINDOW} messages in flight or a fixed rate",
        ("subscribers", "published by", "load", *COLUMNS, "goal", ""),
    )
    with pinned_relay() as relay:
        for subscribers in SUBSCRIBERS:
            progress = Progress()
            with pinned(CORES[-1]):
                child = Child(count, relay.port, [Wish(CHANNEL)] * subscribers, progress)
                try:
                    child.receive()
                    backplane = Backplane([CHANNEL], progress, relay.redis)
                    _load(table, child, "backplane", backplane, relay.pid)
                    _load(table, child, "HTTP API", HttpApi([CHANNEL], progress, relay.port), relay.pid)
                finally:
                    child.stop()
    table.show()


def _load(table: Table, child: Child, name: str, load: Load, server: int) -> None:
    saturated = measure(child, load, server, seconds=SATURATED)
    subscribers = len(saturated.counted.messages)
    verdict = "met" if saturated.rate >= GOAL else "missed"
    goal = f"≥ {thousands(GOAL)}/s"
    table.add(thousands(subscribers), name, "in flight", *saturated.cells(), goal, saturated.faults or verdict)
    for rate in RATES:
        steady = measure(child, load, server, rate=rate / subscribers, seconds=STEADY)
        table.add(thousands(subscribers), name, f"{thousands(rate)}/s", *steady.cells(), "", steady.faults)
    load.close()
