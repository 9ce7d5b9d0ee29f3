"""What strangers hold before they have said what they want: connections, and bodies, that are not all here.

Bounded by time (`RELAY_REQUEST_TIMEOUT`), by number and by size. Where there is too much, those that have kept the
relay waiting longest go: whoever floods it only pushes itself out, and whoever speaks at once is served.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

#: Connections that wait for a request or for the rest of one: fewer than gunicorn's `worker_connections`.
_MOST = 1500

#: Bytes of bodies that are on their way, together.
_ROOM = 32 * 2**20


class Unfinished:
    """The connections of one process that wait for a request, longest first, and the room for their bodies."""

    def __init__(self, most: int = _MOST, room: int = _ROOM) -> None:
        self._most = most
        self._room = room
        self._waiting: dict[Any, None] = {}
        self._bodies: dict[Any, int] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def wait(self, client: Any) -> None:
        """Count the connection as one that waits from now on."""
        self._waiting.pop(client, None)
        self._waiting[client] = None
        if len(self._waiting) > self._most:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            _end(oldest)

    def leave(self, client: Any) -> None:
        """It has said what it wants, or is gone."""
        self._waiting.pop(client, None)

    @contextmanager
    def room(self, client: Any, size: int) -> Iterator[None]:
        """Memory for the client's body of `size` bytes while it is read. Where there is none, older ones make room."""
        self._bodies[client] = size
        while sum(self._bodies.values()) > self._room and len(self._bodies) > 1:
            oldest = next(iter(self._bodies))
            del self._bodies[oldest]
            _end(oldest)
        try:
            yield
        finally:
            self._bodies.pop(client, None)


def _end(client: Any) -> None:
    """Whoever reads from it finds its end."""
    with suppress(OSError):
        client.shutdown(socket.SHUT_RDWR)
