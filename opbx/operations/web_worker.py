"""gunicorn's threads, kept for requests that are all here: a slow sender costs a socket, and no thread.

gunicorn gives a connection to a thread with its first byte, and the thread then reads until the request is whole,
however slowly that comes: sixteen senders of a byte a second would stop two processes of eight threads. Here a request
is looked at without being taken (MSG_PEEK) until it is whole; until then its socket waits with others in the poller,
which the kernel wakes for more bytes only (SO_RCVLOWAT). What is not whole in time is closed.
"""

import re
import socket
import struct
import time
from typing import Any

from gunicorn.workers.gthread import _DEFER, ThreadWorker

#: Seconds from a request's first byte until it must be whole.
PATIENCE = 10.0

#: Seconds for which a client may take nothing of its answer.
STALLED = 30

#: Bytes that are waited for at most. Longer requests are handed on: the application refuses their length unread.
LONGEST = 131_072

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n", re.I)
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;|$)")
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r\n]*chunked", re.I)


def is_whole(data: bytes) -> bool:
    """Whether `data` is a whole request, or one that is not worth waiting for."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return len(data) >= LONGEST
    head, body = data[: end + 2], len(data) - end - 4
    if _CHUNKED.search(head):
        return _chunks_end(data, end + 4) or len(data) >= LONGEST
    length = _LENGTH.search(head)
    wanted = int(length[1]) if length else 0
    return body >= wanted or end + 4 + wanted > LONGEST


def _chunks_end(data: bytes, position: int) -> bool:
    """Whether the chunks that begin at `position` are all there, trailers included; true for what is no chunk."""
    while (line_end := data.find(b"\r\n", position)) >= 0:
        size = _CHUNK.match(data, position, line_end)
        if size is None:
            return True  # refused when it is read
        length = int(size[1], 16)
        if length == 0:
            return data.startswith(b"\r\n", line_end + 2) or data.find(b"\r\n\r\n", line_end) >= 0
        position = line_end + 2 + length + 2
    return False


class WholeRequests(ThreadWorker):  # type: ignore[misc]
    """What `worker_class` of the web process's configuration names."""

    def handle(self, conn: Any) -> Any:
        """Serve the connection, or give it back to the poller until there is more of its request."""
        if self.alive and not self._is_ready(conn):
            if time.monotonic() - conn.begun < PATIENCE:
                return _DEFER
            return False
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", STALLED, 0))
        conn.data_ready, conn.begun = True, None
        return super().handle(conn)

    def finish_request(self, conn: Any, outcome: Any) -> None:
        """Back in the poller, a request that has begun must go on within its time."""
        super().finish_request(conn, outcome)
        if self.pending_conns and self.pending_conns[-1] is conn:
            conn.timeout = (conn.begun or time.monotonic()) + PATIENCE

    @staticmethod
    def _is_ready(conn: Any) -> bool:
        begun = conn.parser.unreader.buf.getvalue() if conn.parser is not None else b""  # read with the one before
        try:
            data = conn.sock.recv(LONGEST, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            data = b""
        else:
            if not data or len(data) == getattr(conn, "seen", 0):
                return True  # the peer has ended: gunicorn closes
        if is_whole(begun + data):
            conn.seen = 0
            return True
        if not (begun or data) or getattr(conn, "begun", None) is None:
            conn.begun = time.monotonic()
        conn.seen = len(data)
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, len(data) + 1)
        return False
