"""Many WebSocket clients in one process, on one epoll: connecting, subscribing, and staying.

What to do with the messages that follow is up to who uses it (`counting`, `dashboards`).
"""

import select
import socket
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from errno import EINPROGRESS
from typing import NoReturn

import orjson

from bench import websocket

#: Handshakes under way at once.
CONCURRENCY = 200

_HOST = "127.0.0.1"


class SwarmError(Exception):
    """Not all clients could connect and subscribe."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What one client subscribes to; `member` for presence channels."""

    channel: str
    member: dict[str, object] | None = None


@dataclass(slots=True, eq=False)
class Client:
    """One connection. `number` counts from zero in the order of the wishes."""

    number: int
    sock: socket.socket
    wish: Wish
    upgraded: bool = False
    socket_id: str = ""
    subscribed: bool = False
    buffer: bytearray = field(default_factory=bytearray)


class Swarm:
    """Clients of the server at `port`. `clients` by file descriptor."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.epoll = select.epoll()
        self.clients: dict[int, Client] = {}
        self.lost = 0  #: connections that ended by themselves
        self._under_way = 0

    def connect(self, wishes: Sequence[Wish], *, timeout: float = 60.0) -> float:
        """Connect and subscribe all; return how many seconds it took. Raises `SwarmError`."""
        waiting = deque(enumerate(wishes, start=len(self.clients)))
        goal = len(self.clients) + len(wishes)
        started = time.monotonic()
        done = len(self.clients)
        while done < goal:
            while waiting and self._under_way < CONCURRENCY:
                self._open(*waiting.popleft())
            for fd, event in self.epoll.poll(1.0, 1024):
                done += self._advance(fd, event)
            if self.lost or time.monotonic() - started > timeout:
                raise SwarmError(f"{done} of {goal} clients subscribed, {self.lost} lost")
        return time.monotonic() - started

    def _open(self, number: int, wish: Wish) -> None:
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if sock.connect_ex((_HOST, self._port)) not in {0, EINPROGRESS}:
            raise SwarmError("the server takes no connection")
        self.clients[sock.fileno()] = Client(number, sock, wish)
        self.epoll.register(sock, select.EPOLLOUT)
        self._under_way += 1

    def _advance(self, fd: int, event: int) -> int:
        """Go on with one client; 1 when it got its subscription by that."""
        client = self.clients[fd]
        if event & select.EPOLLOUT:
            self.epoll.modify(fd, select.EPOLLIN)
            client.sock.send(websocket.upgrade())
            return 0
        if not self.read(client):
            return 0
        if not client.upgraded:
            head, found, rest = client.buffer.partition(b"\r\n\r\n")
            if not found:
                return 0
            if b" 101 " not in head[:16]:
                raise SwarmError(head.decode(errors="replace"))
            client.upgraded, client.buffer = True, rest
        had = client.subscribed
        self.control(client)
        if client.subscribed and not had:
            self._under_way -= 1
            return 1
        return 0

    def read(self, client: Client) -> bool:
        """Append to the client's buffer what came; False when nothing did, or the connection ended."""
        try:
            data = client.sock.recv(65_536)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self.drop(client)
            return False
        client.buffer += data
        return True

    def drop(self, client: Client) -> None:
        """The server ended the connection."""
        self.lost += 1
        self.epoll.unregister(client.sock)
        client.sock.close()

    def control(self, client: Client) -> list[bytes]:
        """Act on the protocol's own messages in the client's buffer; return the others."""
        others = []
        for payload in websocket.take_frames(client.buffer):
            if not payload.startswith(b'{"event":"pusher'):
                others.append(payload)
                continue
            message = orjson.loads(payload)
            match message["event"]:
                case "pusher:connection_established":
                    client.socket_id = orjson.loads(message["data"])["socket_id"]
                    wish = client.wish
                    client.sock.send(websocket.subscribe(client.socket_id, wish.channel, wish.member))
                case "pusher_internal:subscription_succeeded":
                    client.subscribed = True
                case "pusher:ping":
                    client.sock.send(websocket.PONG)
                case "pusher:error" | "pusher:subscription_error":
                    raise SwarmError(payload.decode())
        return others

    def settle(self, *, quiet: float = 0.5, longest: float = 10.0) -> None:
        """Read until nothing has come for `quiet` seconds: members' events, mostly."""
        deadline = time.monotonic() + longest
        while time.monotonic() < deadline:
            events = self.epoll.poll(quiet, 1024)
            if not events:
                return
            for fd, _ in events:
                client = self.clients[fd]
                if self.read(client):
                    self.control(client)

    def stay(self) -> NoReturn:
        """Answer pings until the process ends."""
        while True:
            for fd, _ in self.epoll.poll(-1, 1024):
                client = self.clients[fd]
                if self.read(client):
                    self.control(client)

    def close(self) -> None:
        for client in self.clients.values():
            with suppress(OSError):
                client.sock.close()
        self.epoll.close()
