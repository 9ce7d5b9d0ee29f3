"""`idle`: what ten thousand silent subscribers cost the relay in memory, and how fast they come."""

import time
from multiprocessing.connection import Connection

from bench.processes import Child, resident
from bench.report import Table, thousands
from bench.servers import place, running
from bench.swarm import Swarm, Wish

CLIENTS = 10_000
GOAL_MB, LATER_GOAL_MB = 120, 100

#: Subscribers of an organization's presence channel.
_MEMBERS = 20


def run() -> None:
    """Measure and print."""
    public = [Wish(f"news-{number % 500}") for number in range(CLIENTS)]
    table = Table(f"Memory of the relay's process with {thousands(CLIENTS)} idle subscribers")
    for name, wishes in (("public channels", public), ("presence channels", organizations(CLIENTS, _MEMBERS))):
        empty, full, seconds = _measure(wishes)
        goal = f"≤ {GOAL_MB} MB (then {LATER_GOAL_MB})"
        table.goal(f"{name}: resident", f"{full:.1f} MB, {empty:.1f} when empty", goal, full <= GOAL_MB)
        table.figure(f"{name}: a connection", f"{(full - empty) * 1e6 / CLIENTS / 1000:.2f} KB")
        table.figure(f"{name}: connected and subscribed", f"{thousands(CLIENTS / seconds)} clients/s")
    table.show()


def organizations(clients: int, members: int) -> list[Wish]:
    """Dashboards spread over organizations of `members` each, every one a user of its own."""
    return [
        Wish(
            f"presence-presence.org.{number // members}",
            {"user_id": f"user-{number}", "user_info": {"name": f"User {number}", "role": "pbx_user"}},
        )
        for number in range(clients)
    ]


def _measure(wishes: list[Wish]) -> tuple[float, float, float]:
    """Megabytes when empty and when full, and the seconds that connecting took."""
    with place() as here:
        relay = here.relay()
        with running(here.redis, relay):
            pid = here.wait_relay(relay)
            empty = resident(pid)
            child = Child(_stay, here.relay_port, wishes)
            try:
                seconds: float = child.receive()
                time.sleep(2.0)
                return empty / 1e6, resident(pid) / 1e6, seconds
            finally:
                child.stop()


def _stay(pipe: Connection, port: int, wishes: list[Wish]) -> None:
    swarm = Swarm(port)
    pipe.send(swarm.connect(wishes))
    swarm.stay()
