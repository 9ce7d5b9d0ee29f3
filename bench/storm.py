"""`storm`: thousands of clients come at once, as after an outage of the network; the same ones to the peers."""

import time
from multiprocessing.connection import Connection

from bench.idle import organizations
from bench.peers import BUN, RELAY, Contender, contenders, install
from bench.processes import CORES, Child, cpu_seconds, pinned
from bench.report import Table, thousands
from bench.swarm import CONCURRENCY, Swarm, Wish

CLIENTS, MEMBERS = 5_000, 20
GOAL = 2_000  # clients a second

TIMES = ("the first time", "again, after all were cut off")


def run() -> None:
    """Measure and print."""
    table = Table(
        f"{thousands(CLIENTS)} clients connect and subscribe to presence channels of {MEMBERS}, "
        f"{CONCURRENCY} handshakes at once, each server on one core. The peers keep no presence",
        ("", "server", "clients/s", "CPU: server, client", "a client, ms", "of Bun's rate", "goal", ""),
    )
    with contenders([RELAY, "ws (Node)", BUN] if install() else [RELAY]) as field:
        runs = {name: _measure(contender) for name, contender in field.items()}
    for number, when in enumerate(TIMES):
        for name, results in runs.items():
            rate, cells = results[number]
            ratio = f"{rate / runs[BUN][number][0]:.2f}" if BUN in runs else ""
            goal = (f"≥ {thousands(GOAL)}", "met" if rate >= GOAL else "missed") if name == RELAY else ("", "")
            table.add(when, name.partition(",")[0], thousands(rate), *cells, ratio, *goal)
    table.show()


def _measure(contender: Contender) -> list[tuple[float, tuple[str, ...]]]:
    """Clients a second and what it cost, each time."""
    results: list[tuple[float, tuple[str, ...]]] = []
    with pinned(CORES[-1]):
        child = Child(_storm, contender.port, organizations(CLIENTS, MEMBERS))
        try:
            for name in TIMES:
                used = cpu_seconds(contender.pid)
                child.send(name)
                seconds, own = child.receive()
                used = cpu_seconds(contender.pid) - used
                cost = f"{used / seconds:.0%}, {own / seconds:.0%}", f"{1e3 * used / CLIENTS:.2f}"
                results.append((CLIENTS / seconds, cost))
        finally:
            child.stop()
    return results


def _storm(pipe: Connection, port: int, wishes: list[Wish]) -> None:
    """Connect all whenever told to, cutting off those of the time before; answer with the seconds that it took."""
    swarm = None
    while pipe.recv():
        if swarm:
            swarm.close()
        swarm = Swarm(port)
        own = time.process_time()
        seconds = swarm.connect(wishes)
        pipe.send((seconds, time.process_time() - own))
        swarm.settle()
