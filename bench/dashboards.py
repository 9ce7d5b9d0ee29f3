"""Dashboards: clients that keep everything they receive with its time, and read it only afterwards."""

import select
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

import orjson

from bench.swarm import Client, Swarm, Wish


@dataclass(frozen=True, slots=True)
class Seen:
    """An event in a client's hands, at a time of the monotonic clock."""

    at: float
    name: str
    call_id: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Watched:
    """What one dashboard saw, in order."""

    channel: str
    events: list[Seen]


@dataclass(frozen=True, slots=True)
class Evening:
    """What all dashboards saw, and the processor seconds that they used for it."""

    dashboards: list[Watched]
    lost_connections: int
    cpu: float


def watch(pipe: Connection, port: int, wishes: Sequence[Wish]) -> None:
    """The work of the dashboards' process: connect, say so, keep what comes, and tell all when asked."""
    swarm = Swarm(port)
    swarm.connect(wishes)
    swarm.settle()
    pipe.send(True)
    swarm.epoll.register(pipe.fileno(), select.EPOLLIN)
    chunks: list[tuple[float, int, bytes]] = []
    used = time.process_time()
    asked = False
    while not asked:
        for fd, _ in swarm.epoll.poll(1.0, 1024):
            if fd == pipe.fileno():
                asked = True
                continue
            client = swarm.clients[fd]
            data = client.sock.recv(65_536)
            chunks.append((time.monotonic(), fd, data))
            if len(data) < 100:  # too small for an event
                _small(swarm, client, data)
    cpu = time.process_time() - used
    pipe.send(Evening(_read(swarm, chunks), swarm.lost, cpu))
    swarm.close()


def _small(swarm: Swarm, client: Client, data: bytes) -> None:
    """Maybe a ping, which is to be answered at once."""
    if not data:
        swarm.drop(client)
    elif b"pusher:ping" in data:
        client.buffer += data
        swarm.control(client)


def _read(swarm: Swarm, chunks: list[tuple[float, int, bytes]]) -> list[Watched]:
    watched = {fd: Watched(client.wish.channel, []) for fd, client in swarm.clients.items()}
    for client in swarm.clients.values():
        client.buffer.clear()
    for at, fd, data in chunks:
        client = swarm.clients[fd]
        client.buffer += data
        for payload in _events(swarm, client):
            message = orjson.loads(payload)
            told = orjson.loads(message["data"])
            watched[fd].events.append(Seen(at, message["event"], told["call_id"], told["sequence"]))
    return list(watched.values())


def _events(swarm: Swarm, client: Client) -> list[bytes]:
    try:
        return swarm.control(client)
    except OSError:  # a ping that was answered long ago
        return []
