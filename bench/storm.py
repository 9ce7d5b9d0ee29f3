"""`storm`: five thousand dashboards come at once, and again after all of them were cut off."""

import time
from multiprocessing.connection import Connection

from bench.idle import organizations
from bench.processes import CORES, Child, cpu_seconds, pinned
from bench.report import Table, thousands
from bench.servers import pinned_relay
from bench.swarm import CONCURRENCY, Swarm, Wish

CLIENTS, MEMBERS = 5_000, 20
GOAL = 2_000  # clients a second


def run() -> None:
    """Measure and print."""
    table = Table(
        f"{thousands(CLIENTS)} clients connect and subscribe to presence channels of {MEMBERS}, "
        f"{CONCURRENCY} handshakes at once, relay on one core"
    )
    with pinned_relay() as relay, pinned(CORES[-1]):
        child = Child(_storm, relay.port, organizations(CLIENTS, MEMBERS))
        try:
            for name in ("the first time", "again, after all were cut off"):
                used = cpu_seconds(relay.pid)
                child.send(name)
                seconds, own = child.receive()
                used = cpu_seconds(relay.pid) - used
                rate = CLIENTS / seconds
                table.goal(name, f"{thousands(rate)} clients/s", f"≥ {thousands(GOAL)}", rate >= GOAL)
                table.figure("  relay, load client", f"{used / seconds:.0%}, {own / seconds:.0%} of their cores")
                table.figure("  relay's processor time a client", f"{1e3 * used / CLIENTS:.2f} ms")
        finally:
            child.stop()
    table.show()


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
