"""Clients that post again as soon as they are answered: as many requests as a server can serve."""

import select
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.senders import whole_answer

#: Connections, as many as the web process has threads in all.
CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class Flow:
    """What was answered in how many seconds, and what of it was no success."""

    answered: int
    refused: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.answered / self.seconds


def pump(port: int, requests: Callable[[], Iterator[bytes]], seconds: float) -> Flow:
    """Post for `seconds` over keep-alive connections, each of which sends what its own `requests()` yields."""
    poller = select.epoll()
    clients: dict[int, tuple[socket.socket, Iterator[bytes]]] = {}
    for _ in range(CONNECTIONS):
        sock = socket.create_connection(("127.0.0.1", port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poller.register(sock, select.EPOLLIN)
        clients[sock.fileno()] = sock, requests()
    for sock, coming in clients.values():
        sock.sendall(next(coming))
    answered, refused, partial = 0, 0, dict.fromkeys(clients, b"")
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        for fd, _ in poller.poll(1.0):
            sock, coming = clients[fd]
            data = sock.recv(65_536)
            if not data:
                raise RuntimeError("the server closed a connection")
            partial[fd] += data
            if whole_answer(partial[fd]):
                answered += 1
                refused += partial[fd][9:10] != b"2"
                partial[fd] = b""
                sock.sendall(next(coming))
    took = time.monotonic() - started
    for sock, _ in clients.values():
        sock.close()
    poller.close()
    return Flow(answered, refused, took)
