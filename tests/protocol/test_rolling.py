"""A rolling restart of two relays under 2,000 clients: nobody who follows the sequence misses anything, and the clients
come back spread over the drain time."""

import time
from pathlib import Path
from threading import Event, Thread

import pytest

from bench import websocket
from opbx.backplane.publisher import Message, Publisher
from tests.protocol.followers import Followers
from tests.protocol.relays import Relays
from tests.servers import Server, wait_until

CLIENTS, CHANNELS = 2_000, 20
DRAIN = 4.0


class Calls:
    """Publishes on all channels, 20 events a second on each, until stopped; `last` is the sequence of the last."""

    def __init__(self, relays: Relays, channels: list[str]) -> None:
        self.last = 0
        self._relays = relays
        self._channels = channels
        self._stop = Event()
        self._thread = Thread(target=self._publish)
        self._thread.start()

    def _publish(self) -> None:
        with self._relays.redis.client() as client:
            publisher = Publisher(client, websocket.APP_ID)
            while not self._stop.wait(0.05):
                number = self.last + 1
                for channel in self._channels:
                    event = Message("call.updated", f'{{"sequence":{number}}}', sequence=number)
                    publisher.publish(channel, [event])
                self.last = number

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


def restart(relays: Relays, number: int) -> None:
    server: Server = relays.servers[number]
    server.ask_to_stop()
    wait_until(lambda: not server.running, timeout=60, what="the relay's end")
    server.start()
    wait_until(lambda: relays.ready(number), timeout=60, what="the relay being back")


@pytest.mark.timeout(240)
def test_a_rolling_restart_loses_nothing(tmp_path: Path) -> None:
    relays = Relays(
        tmp_path, 2, PUSHER_APP_ID=websocket.APP_ID, PUSHER_APP_KEY=websocket.KEY, PUSHER_APP_SECRET=websocket.SECRET,
        RELAY_DRAIN=str(DRAIN),
    )  # fmt: skip
    channels = [f"private-room-{number}" for number in range(CHANNELS)]
    followers = Followers(relays.ports, [channels[number % CHANNELS] for number in range(CLIENTS)])
    try:
        relays.start()
        followers.start()
        wait_until(lambda: followers.subscribed == CLIENTS, timeout=90, what="all clients being there")
        calls = Calls(relays, channels)
        try:
            wait_until(lambda: followers.have_all(3), what="the first events")
            for number in (0, 1):
                begun, before = time.monotonic(), len(followers.sent_away)
                restart(relays, number)
                _spread(followers.sent_away[before:], begun)
            wait_until(lambda: followers.subscribed == CLIENTS, timeout=90, what="all clients being back")
        finally:
            calls.stop()
        wait_until(lambda: followers.have_all(calls.last), timeout=60, what="everybody having the last event")
    finally:
        followers.stop()
        relays.stop()
    assert followers.resyncs == 0
    expected = list(range(1, calls.last + 1))
    assert [number for number, seen in enumerate(followers.seen) if seen != expected] == []


def _spread(times: list[float], begun: float) -> None:
    """Whoever was sent away was so at an even pace over the drain time."""
    assert len(times) >= CLIENTS // 4
    in_turn = sorted(at - begun for at in times)
    middle = in_turn[len(in_turn) // 2]
    assert in_turn[-1] - in_turn[0] > 0.7 * DRAIN
    assert 0.25 * DRAIN < middle - in_turn[0] < 0.9 * DRAIN
