"""Clients that follow their channel's sequence, and come back at once when they are sent away, as pusher-js does."""

import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from threading import Thread

import orjson

from bench.swarm import CONCURRENCY, Client, Swarm, Wish

#: A relay that goes: "reconnect now" in a close frame.
RECONNECT_NOW = (4200).to_bytes(2)


class Followers(Swarm):
    """One client for each of `channels`, on one of the relays at `ports`.

    They say which sequence they have seen last when they subscribe. `seen` is what each got, in order; `sent_away` when
    (monotonic seconds) clients were told to reconnect.
    """

    def __init__(self, ports: Sequence[int], channels: Sequence[str]) -> None:
        super().__init__(ports[0])
        self._ports = ports
        self._channels = channels
        self.seen: list[list[int]] = [[] for _ in channels]
        self.sent_away: list[float] = []
        self.resyncs = 0
        self._homeless: deque[tuple[float, int, int]] = deque()  # when to try, which client, at which relay
        self._at: dict[int, int] = {}
        self._stopped = False
        self._thread = Thread(target=self._follow)

    def start(self) -> None:
        """Let them come, half of them to each relay."""
        self._homeless.extend((0.0, number, number % len(self._ports)) for number in range(len(self._channels)))
        self._thread.start()

    def stop(self) -> None:
        self._stopped = True
        self._thread.join()
        self.close()

    @property
    def subscribed(self) -> int:
        return sum(client.subscribed for client in list(self.clients.values()))

    def have_all(self, last: int) -> bool:
        return all(seen and seen[-1] >= last for seen in self.seen)

    def _follow(self) -> None:
        while not self._stopped:
            self._house()
            for fd, event in self.epoll.poll(0.02, 1024):
                client = self.clients.get(fd)
                try:
                    self._advance(fd, event)
                except OSError:
                    if client is not None:
                        self.drop(client)

    def _house(self) -> None:
        now = time.monotonic()
        while self._homeless and self._homeless[0][0] <= now and self._under_way < CONCURRENCY:
            _, number, relay = self._homeless.popleft()
            seen = self.seen[number]
            self._port = self._ports[relay]
            self._at[number] = relay
            self._open(number, Wish(self._channels[number], {"resume": seen[-1] if seen else 0}))

    def control(self, client: Client) -> list[bytes]:
        for payload in super().control(client):
            if payload.startswith(b"{"):
                message = orjson.loads(payload)
                self.resyncs += message["event"] == "opbx:resync"
                if message["event"] == "call.updated":
                    self.seen[client.number].append(orjson.loads(message["data"])["sequence"])
            elif payload.startswith(RECONNECT_NOW):
                self.sent_away.append(time.monotonic())
        return []

    def drop(self, client: Client) -> None:
        """Try the next relay: at once after a life there, else after a moment."""
        if self.clients.pop(client.sock.fileno(), None) is None:
            return
        with suppress(OSError):
            self.epoll.unregister(client.sock)
        client.sock.close()
        self._under_way -= not client.subscribed
        wait = 0.0 if client.subscribed else 0.3
        relay = (self._at[client.number] + 1) % len(self._ports)
        self._homeless.append((time.monotonic() + wait, client.number, relay))
