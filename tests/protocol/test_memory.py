"""50,000 clients that come, subscribe and go leave nothing behind."""

from pathlib import Path

import psutil
import pytest
import requests

from bench import websocket
from bench.swarm import Swarm, Wish
from tests.protocol.relays import Relays
from tests.servers import wait_until

ROUNDS, CLIENTS = 100, 500
MEMBERS = 10


def come_and_go(relays: Relays, rounds: int) -> None:
    """Half of each round's clients are members of presence channels. They go without a farewell."""
    public = [Wish(f"room-{number % 50}") for number in range(CLIENTS // 2)]
    members = [
        Wish(f"presence-{number // MEMBERS}", {"user_id": f"user-{number}"}) for number in range(CLIENTS // 2)
    ]  # fmt: skip
    for _ in range(rounds):
        swarm = Swarm(relays.ports[0])
        swarm.connect(public + members)
        swarm.close()
    wait_until(lambda: connections(relays) == 0, what="the last ones being gone")


def connections(relays: Relays) -> int:
    return int(requests.get(f"http://127.0.0.1:{relays.metrics_ports[0]}/usage", timeout=10).json()["connections"])


@pytest.mark.timeout(400)
def test_after_50_000_clients_memory_is_what_it_was(tmp_path: Path) -> None:
    relays = Relays(
        tmp_path, 1, PUSHER_APP_ID=websocket.APP_ID, PUSHER_APP_KEY=websocket.KEY, PUSHER_APP_SECRET=websocket.SECRET
    )
    try:
        relays.start()
        (worker,) = psutil.Process(relays.servers[0].pid).children()
        come_and_go(relays, 10)  # what a process takes once and keeps
        before = worker.memory_info().rss
        come_and_go(relays, ROUNDS)
        assert worker.memory_info().rss < 1.05 * before
        wait_until(lambda: len(worker.net_connections()) < 20, what="sockets being closed")
        with relays.redis.client() as client:
            wait_until(lambda: client.keys("opbx:held:*") == [], what="members being gone")
    finally:
        relays.stop()
