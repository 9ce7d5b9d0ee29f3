"""One client's socket, watched by the event loop: no thread and no greenlet of its own.

Reading never waits, writing never waits and never tears a frame; what the kernel does not take is kept up to
a limit. Everything here runs in the event loop's callbacks, so nothing here may block.
"""

import _socket
import socket
import time
from collections import deque
from collections.abc import Collection
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

from gevent import get_hub

from opbx.apps import App
from opbx.pusher.errors import Closing, OverCapacity
from opbx.pusher.signin import SignedIn
from opbx.pusher.subscriptions import Grant
from opbx.relay.frames import Close, Decoder, Ping, Pong, Text, close_frame, pong_frame, text_frame
from opbx.relay.limits import Bucket
from opbx.relay.tally import TALLY

if TYPE_CHECKING:
    from opbx.relay.channel import Channel

_READ, _WRITE = 1, 2
_RECEIVE = 16_384

#: Seconds for which a closed connection waits for its peer to close as well (RFC 6455, section 7.1.1).
LINGER = 3.0


class State(Enum):
    OPEN = "open"
    CLOSING = "closing"  # the close frame is on its way or sent; the peer's answer is awaited
    CLOSED = "closed"


class Handler(Protocol):
    """Who acts on what a connection brings."""

    send_buffer: int  #: unsent bytes that may be kept for one connection
    max_frame: int
    max_messages_per_second: int

    def message(self, connection: "Connection", text: str) -> None:
        """A text message came."""

    def closed(self, connection: "Connection") -> None:
        """The connection has left `State.OPEN`: it takes part in nothing any more."""

    def gone(self, connection: "Connection") -> None:
        """The socket is closed."""


#: Decoders between messages, for whoever receives next.
_spare: list[Decoder] = []
_MOST_SPARE = 64


class Connection:
    """A WebSocket connection after its handshake. `seen` is when the peer was last heard (monotonic seconds)."""

    __slots__ = (
        "_backlog",
        "_backlog_size",
        "_decoder",
        "_handler",
        "_quota",
        "_reader",
        "_socket",
        "_writer",
        "address",
        "app",
        "channels",
        "deadline",
        "grants",
        "pinged",
        "seen",
        "socket_id",
        "state",
        "talk",
        "user",
    )

    def __init__(self, sock: _socket.socket, socket_id: str, app: App, handler: Handler) -> None:
        self._socket = sock
        self._handler = handler
        self._decoder: Decoder | None = None
        self._backlog: deque[bytes | memoryview] | None = None
        self._backlog_size = 0
        self._quota = handler.max_messages_per_second
        self._writer: Any = None
        self.socket_id = socket_id
        self.app = app
        self.channels: dict[str, Channel] = {}
        self.address = ""  #: once it counts among those of its address
        self.user: SignedIn | None = None
        self.grants: Collection[Grant] = ()
        self.talk: Bucket | None = None  #: the rate of its client events, once it has sent one
        self.state = State.OPEN
        self.seen = time.monotonic()
        self.pinged = False
        self.deadline = 0.0
        self._reader = get_hub().loop.io(sock.fileno(), _READ)
        self._reader.start(self._readable)

    # Writing

    def send(self, frames: bytes) -> None:
        """Send whole frames, now or as soon as the peer reads; a peer that never does is closed with 4100."""
        if self._backlog is not None:
            self._keep(frames)
            return
        try:
            sent = self._socket.send(frames)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.lose()
            return
        if sent != len(frames):
            self._keep(memoryview(frames)[sent:])

    def send_text(self, payload: bytes) -> None:
        traffic = TALLY.traffic[self.app.id]
        traffic.messages_out += 1
        traffic.bytes_out += len(payload)
        self.send(text_frame(payload))

    @property
    def is_open(self) -> bool:
        return self.state is State.OPEN

    @property
    def unsent(self) -> int:
        """Bytes kept because the peer does not read."""
        return self._backlog_size

    def _keep(self, frames: bytes | memoryview) -> None:
        if self._backlog is None:
            self._backlog = deque()
            self._writer = get_hub().loop.io(self._socket.fileno(), _WRITE)
            self._writer.start(self._writable)
        self._backlog.append(frames)
        self._backlog_size += len(frames)
        if self._backlog_size > self._handler.send_buffer and self.state is State.OPEN:
            TALLY.slow_readers += 1
            self.close(OverCapacity())

    def _writable(self) -> None:
        backlog = self._backlog
        if backlog is None:
            return
        try:
            while backlog:
                sent = self._socket.send(backlog[0])
                self._backlog_size -= sent
                if sent != len(backlog[0]):
                    backlog[0] = memoryview(backlog[0])[sent:]
                    return
                backlog.popleft()
        except BlockingIOError:
            return
        except OSError:
            self.lose()
            return
        self._drained()

    def _drained(self) -> None:
        self._backlog = None
        self._writer.stop()
        self._writer.close()
        self._writer = None
        if self.state is State.CLOSING:
            self._shut_down()

    # Reading

    def _readable(self) -> None:
        try:
            data = self._socket.recv(_RECEIVE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.lose()
        elif self.state is State.OPEN:
            self.seen = time.monotonic()
            self.pinged = False
            TALLY.traffic[self.app.id].bytes_in += len(data)
            self._read(data)

    def _read(self, data: bytes) -> None:
        decoder = self._decoder or (_spare.pop() if _spare else Decoder(self._handler.max_frame))
        self._decoder = None
        try:
            for incoming in decoder.feed(data):
                self._act(incoming)
                if self.state is not State.OPEN:
                    return
                if self._quota <= 0:
                    break
        except Closing as closing:
            self.close(closing)
            return
        if self._quota <= 0:
            # A flood: what it sends next waits in its own kernel, what is here already for `refill`.
            TALLY.limited["messages"] += 1
            self._reader.stop()
            self._decoder = decoder
        elif not decoder.between_messages:
            self._decoder = decoder
        elif len(_spare) < _MOST_SPARE:
            _spare.append(decoder)

    def _act(self, incoming: Text | Ping | Pong | Close) -> None:
        self._quota -= 1
        match incoming:
            case Text(text):
                TALLY.traffic[self.app.id].messages_in += 1
                self._handler.message(self, text)
            case Ping(payload):
                self.send(pong_frame(payload))
            case Pong():
                pass
            case Close(code):
                self._close(code, "")

    def refill(self) -> None:
        """Allow another second's worth of messages; called once a second."""
        paused = self._quota <= 0
        self._quota = self._handler.max_messages_per_second
        if paused and self.state is State.OPEN:
            self._reader.start(self._readable)
            self._read(b"")

    # Closing

    def close(self, closing: Closing) -> None:
        """End the connection with the code and reason of `closing`."""
        self._close(closing.code, str(closing))

    def _close(self, code: int, reason: str) -> None:
        if self.state is not State.OPEN:
            return
        self.state = State.CLOSING
        TALLY.traffic[self.app.id].closed[code] += 1
        self.deadline = time.monotonic() + LINGER
        self._handler.closed(self)
        if self._backlog:
            # The rest of what is half sent must go first, or the close frame would land inside another frame.
            first = self._backlog[0]
            self._backlog.clear()
            self._backlog.append(first)
            self._backlog_size = len(first)
        self.send(close_frame(code, reason))
        if self._backlog is None and self.state is State.CLOSING:
            self._shut_down()

    def _shut_down(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.lose()
            return
        self._reader.start(self._readable)  # it may be paused, and the peer's end is awaited now

    def lose(self) -> None:
        """Give the socket up at once: the peer is gone, or had its time to say goodbye."""
        if self.state is State.CLOSED:
            return
        was_open = self.state is State.OPEN
        self.state = State.CLOSED
        for watcher in (self._reader, self._writer):
            if watcher is not None:
                watcher.stop()
                watcher.close()
        self._backlog = None
        self._backlog_size = 0
        self._decoder = None
        self._socket.close()
        if was_open:
            TALLY.traffic[self.app.id].closed[1006] += 1  # RFC 6455, section 7.1.5: no close frame came
            self._handler.closed(self)
        self._handler.gone(self)
