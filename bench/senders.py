"""Telephony senders: post webhooks at their times over keep-alive connections, whether the answers come or not."""

import select
import socket
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import uuid4

import orjson

#: Connections that senders keep open.
CONNECTIONS = 32

#: The events of a call, in order; one webhook each.
STAGES = ("call.initiated", "call.answered", "call.ended")

#: Seconds from one webhook of a call to the next.
STEP = 1.0

_PATIENCE = 15.0


@dataclass(slots=True, eq=False)
class Post:
    """One webhook: event `stage` of a call. Times are seconds of the monotonic clock; `due` is when it is to go out."""

    call_id: str
    domain: str
    stage: int
    due: float
    request: bytes
    sent: float = 0.0
    answered: float = 0.0
    status: int = 0

    @property
    def accepted(self) -> bool:
        return 200 <= self.status < 300


def plan(domains: Sequence[str], key: str, *, calls_per_second: float, seconds: float) -> list[Post]:
    """The webhooks of calls that begin evenly over `seconds`, in the order of their times, from 0."""
    posts = []
    for number in range(int(calls_per_second * seconds)):
        call_id, domain = uuid4().hex, domains[number % len(domains)]
        for stage in range(len(STAGES)):
            due = number / calls_per_second + stage * STEP
            posts.append(Post(call_id, domain, stage, due, _request(call_id, domain, stage, key)))
    return sorted(posts, key=lambda post: post.due)


def calls_of(domain: str, key: str) -> Iterator[bytes]:
    """The webhooks of one call after the other."""
    while True:
        call_id = uuid4().hex
        for stage in range(len(STAGES)):
            yield _request(call_id, domain, stage, key)


def _request(call_id: str, domain: str, stage: int, key: str) -> bytes:
    now = int(time.time())
    call: dict[str, object] = {"call_id": call_id, "domain": domain, "timestamp": now - 20 + 5 * stage}
    parties = {"from": "+14155551234", "to": "+18005550100", "did": "+18005550100", "direction": "inbound"}
    more: list[dict[str, object]] = [
        {**parties, "status": "initiated"},
        {"status": "answered", "extension": "101"},
        {"status": "completed", "duration": 5, "disconnect_reason": "normal"},
    ]
    body = orjson.dumps({**call, **more[stage]})
    endpoint = "call-status" if stage else "call-initiated"
    head = (
        f"POST /api/webhooks/cloudonix/{endpoint} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Senders:
    """Posts what is planned. A webhook waits for the answer to the call's last one: senders keep that order."""

    def __init__(self, port: int) -> None:
        self._address = ("127.0.0.1", port)
        self._epoll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._under_way: dict[int, Post] = {}
        self._partial: dict[int, bytes] = {}
        self._free: deque[int] = deque()

    def run(self, posts: Sequence[Post]) -> None:
        """Send all, filling in when they were sent and answered, and with what status (0: never)."""
        for _ in range(CONNECTIONS):
            self._connect()
        started = time.monotonic() + 0.1
        for post in posts:
            post.due += started
        coming, ready = deque(posts), deque[Post]()
        waiting: dict[str, list[Post]] = {}
        open_calls: set[str] = set()
        deadline = posts[-1].due + _PATIENCE
        while (coming or ready or self._under_way) and time.monotonic() < deadline:
            now = time.monotonic()
            while coming and coming[0].due <= now:
                post = coming.popleft()
                if post.call_id in open_calls:
                    waiting.setdefault(post.call_id, []).append(post)
                else:
                    open_calls.add(post.call_id)
                    ready.append(post)
            while ready and self._free:
                self._send(ready.popleft())
            pause = min(max(coming[0].due - time.monotonic(), 0.0), 0.1) if coming else 0.1
            for post in self._answers(pause):
                held = waiting.get(post.call_id)
                if held:
                    ready.append(held.pop(0))
                else:
                    open_calls.discard(post.call_id)
        self._close()

    def _connect(self) -> None:
        sock = socket.create_connection(self._address)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sockets[sock.fileno()] = sock
        self._epoll.register(sock, select.EPOLLIN)
        self._free.append(sock.fileno())

    def _send(self, post: Post) -> None:
        fd = self._free.popleft()
        post.sent = time.monotonic()
        self._sockets[fd].sendall(post.request)
        self._under_way[fd] = post

    def _answers(self, timeout: float) -> list[Post]:
        """The webhooks that were answered within `timeout` seconds."""
        done = []
        for fd, _ in self._epoll.poll(timeout):
            data = self._sockets[fd].recv(65_536)
            if not data:
                self._replace(fd)
                continue
            answer = self._partial.pop(fd, b"") + data
            if not whole_answer(answer):
                self._partial[fd] = answer
                continue
            post = self._under_way.pop(fd)
            post.answered, post.status = time.monotonic(), int(answer[9:12])
            self._free.append(fd)
            done.append(post)
        return done

    def _replace(self, fd: int) -> None:
        """The server closed a connection; what was under way on it stays unanswered."""
        self._epoll.unregister(fd)
        self._sockets.pop(fd).close()
        self._under_way.pop(fd, None)
        if fd in self._free:
            self._free.remove(fd)
        self._connect()

    def _close(self) -> None:
        for sock in self._sockets.values():
            sock.close()
        self._epoll.close()


def whole_answer(answer: bytes) -> bool:
    """Whether an answer has come to its end."""
    head, found, body = answer.partition(b"\r\n\r\n")
    if not found:
        return False
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(body) >= int(line[15:])
    return True
