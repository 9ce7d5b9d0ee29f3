"""Publishers for the fan-out: through the backplane as workers do, and through the Pusher HTTP API.

Each publishes either as fast as a window of messages that not all subscribers have yet allows, or at a fixed rate.
"""

import hashlib
import select
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence

import orjson
from redis import Redis

from bench.counting import Progress, message_data
from bench.websocket import APP_ID, KEY, SECRET
from opbx.backplane.publisher import Message, Publisher
from opbx.pusher.signatures import request_signature

EVENT = "call.answered"

#: Messages under way at once, and connections that they come over.
WINDOW, CONNECTIONS = 32, 8

#: Seconds that the last messages may take to arrive.
PATIENCE = 10.0


class Load(ABC):
    """Publishes on `channels` in turn. `late` is how many seconds a message was behind its time at worst."""

    #: Whether the messages of a channel come in the order of their numbers.
    in_order = True

    def __init__(self, channels: Sequence[str], progress: Progress) -> None:
        self._channels = channels
        self._progress = progress
        self.published = 0
        self.late = 0.0

    def saturate(self, seconds: float, *, window: int = WINDOW) -> int:
        """Keep `window` messages under way; return how many were published."""
        self.published = 0
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.published < self._progress.complete + window:
                self._publish_one()
            else:
                self._pause(0.0003)
        return self._finish()

    def at_rate(self, rate: float, seconds: float) -> int:
        """Publish `rate` messages a second, however fast they are delivered; return how many were published."""
        self.published, self.late = 0, 0.0
        started = time.monotonic()
        for number in range(int(rate * seconds)):
            due = started + number / rate
            while (now := time.monotonic()) < due:
                self._pause(min(due - now, 0.002))
            self.late = max(self.late, now - due)
            self._publish_one()
        return self._finish()

    def _finish(self) -> int:
        deadline = time.monotonic() + PATIENCE
        while self._progress.complete < self.published and time.monotonic() < deadline:
            self._pause(0.002)
        return self.published

    def _publish_one(self) -> None:
        channel = self._channels[self.published % len(self._channels)]
        self._publish(channel, message_data(self.published))
        self.published += 1

    @abstractmethod
    def _publish(self, channel: str, data: str) -> None: ...

    def _pause(self, seconds: float) -> None:
        time.sleep(seconds)

    @abstractmethod
    def close(self) -> None: ...


class Backplane(Load):
    """As workers do, one message a step: less gathered than a worker's batch under load."""

    def __init__(self, channels: Sequence[str], progress: Progress, redis: Redis) -> None:
        super().__init__(channels, progress)
        self._redis = redis
        self._publisher = Publisher(redis, APP_ID)

    def _publish(self, channel: str, data: str) -> None:
        self._publisher.publish(channel, [Message(EVENT, data)])

    def close(self) -> None:
        self._redis.close()


class HttpApi(Load):
    """As a back end's server library does, over keep-alive connections that each wait for their answer."""

    in_order = False

    def __init__(self, channels: Sequence[str], progress: Progress, port: int) -> None:
        super().__init__(channels, progress)
        self._poll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        for _ in range(CONNECTIONS):
            sock = socket.create_connection(("127.0.0.1", port))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets[sock.fileno()] = sock
            self._poll.register(sock, select.EPOLLIN)
        self._free = list(self._sockets)
        self._partial: dict[int, bytes] = {}

    def _publish(self, channel: str, data: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not self._free:
            self._pause(0.1)
            if time.monotonic() > deadline:
                raise RuntimeError("the server does not answer")
        self._sockets[self._free.pop()].sendall(_request(channel, data))

    def _pause(self, seconds: float) -> None:
        for fd, _ in self._poll.poll(seconds):
            answer = self._partial.pop(fd, b"") + self._sockets[fd].recv(65_536)
            head, found, body = answer.partition(b"\r\n\r\n")
            if not found or len(body) < _length(head):
                self._partial[fd] = answer
                continue
            if b" 200 " not in head[:16]:
                raise RuntimeError(answer.decode(errors="replace"))
            self._free.append(fd)

    def close(self) -> None:
        for sock in self._sockets.values():
            sock.close()
        self._poll.close()


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    raise RuntimeError("an answer without a length")


def _request(channel: str, data: str) -> bytes:
    """A signed call of the Pusher HTTP API."""
    body = orjson.dumps({"name": EVENT, "channel": channel, "data": data})
    path = f"/apps/{APP_ID}/events"
    query = {
        "auth_key": KEY,
        "auth_timestamp": str(int(time.time())),
        "auth_version": "1.0",
        "body_md5": hashlib.md5(body, usedforsecurity=False).hexdigest(),
    }
    query["auth_signature"] = request_signature(SECRET, "POST", path, query)
    parameters = "&".join(f"{name}={value}" for name, value in query.items())
    head = (
        f"POST {path}?{parameters} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
