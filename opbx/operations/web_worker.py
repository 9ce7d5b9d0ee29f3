"""gunicorn's worker for the web process: threads that fetch whole requests themselves.

gunicorn's own threads are handed each request by a main thread and hand back its socket. That is two more switches
between threads a request, and the main thread takes as much of the interpreter's lock as the requests do. Here all
threads wait at one epoll, and the kernel wakes one of them for each connection that has something to read.

gunicorn gives a connection to a thread with its first byte, and the thread then reads until the request is whole,
however slowly that comes: sixteen senders of a byte a second would stop two processes of eight threads. Here a request
is looked at without being taken (MSG_PEEK) until it is whole; until then its socket waits with the others, and the
kernel wakes for more bytes only (SO_RCVLOWAT). What is not whole in time is closed. A slow sender costs a socket, and
no thread.
"""

import errno
import os
import select
import socket
import struct
import time
from contextlib import suppress
from threading import Lock, Thread
from typing import Any

from gunicorn.workers.base import Worker
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

from opbx.operations.request_framing import LONGEST, Extent, expects_continue, extent

#: Seconds from a request's first byte until it must be whole.
PATIENCE = 10.0

#: Seconds for which a client may take nothing of its answer, or send nothing of a body that is longer than LONGEST.
STALLED = 30

#: Seconds in which a client must take note that it was said goodbye to (RFC 9112, section 9.6).
FAREWELL = 2.0

#: Bytes that are looked at first: nearly every request is shorter.
_USUAL = 16_384

#: Seconds between two looks at what is late.
_TICK = 1.0

_ONCE = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLONESHOT
_TIMEOUT = struct.pack("ll", STALLED, 0)
_PASSING = {errno.EAGAIN, errno.ECONNABORTED}


class _Connection(TConn):  # type: ignore[misc]
    """A client's connection. `timeout` is when it is late; `begun`, when the first byte of its request was seen."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.data_ready = True  # gunicorn need not wait for a first byte
        self.begun: float | None = None
        self.extent = Extent.PART
        self.seen = 0
        self.ended = False
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _TIMEOUT)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _TIMEOUT)

    @property
    def unread(self) -> bytes:
        """What was read from the socket with the request before."""
        return b"" if self.parser is None else bytes(self.parser.unreader.buf.getvalue())

    def is_ready(self) -> bool:
        """Whether there is a whole request to serve, or an end to take note of."""
        unread, coming = self.unread, self._peek(_USUAL)
        if len(coming or b"") == _USUAL:
            coming = self._peek(LONGEST)
        if coming is not None and len(coming) == self.seen:
            return True  # woken, and nothing more has come: the peer has ended
        data = unread + (coming or b"")
        self.extent = extent(data)
        if self.extent is not Extent.PART:
            self._wake_at(0)
            self.begun = None
            return True
        if self.begun is None and data:
            self.begun = time.monotonic()
            if expects_continue(data):
                self.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n", socket.MSG_DONTWAIT)
        self._wake_at(len(coming or b""))
        return False

    def is_gone(self) -> bool:
        """For one that was said goodbye to: whether it has left, or sends so much that it is not waited for."""
        try:
            left = self.sock.recv(LONGEST, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return not left or len(left) >= LONGEST

    def _peek(self, most: int) -> bytes | None:
        """What has come; empty at the peer's end, None while there is nothing."""
        try:
            return self.sock.recv(most, socket.MSG_PEEK | socket.MSG_DONTWAIT)  # type: ignore[no-any-return]
        except BlockingIOError:
            return None

    def _wake_at(self, seen: int) -> None:
        """Have the kernel wake for more than what was `seen` only."""
        if seen != self.seen:
            self.seen = seen
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, seen + 1)


class WholeRequests(ThreadWorker):  # type: ignore[misc]
    """What `worker_class` of the web process's configuration names. How a request is served is gunicorn's."""

    alive: bool

    def init_process(self) -> None:
        self._poller = select.epoll()
        self._listeners = {listener.fileno(): listener for listener in self.sockets}
        self._open: set[_Connection] = set()
        # Whoever takes a connection out of here, by its descriptor, is the only one that touches it.
        self._waiting: dict[int, _Connection] = {}
        self.keepalived_conns = self._waiting  # gunicorn counts them
        self._taking = Lock()
        Worker.init_process(self)  # without gunicorn's pool and poller

    # Signals wake the main thread, which sees to them; gunicorn's own would ask its pool and poller.
    handle_exit = Worker.handle_exit
    handle_quit = Worker.handle_quit

    def run(self) -> None:
        """Serve until told to leave; then what is under way, for the time that it is given."""
        for descriptor, listener in self._listeners.items():
            listener.setblocking(False)
            self._poller.register(descriptor, _ONCE)
        for number in range(self.cfg.threads):
            Thread(target=self._serve, name=f"web-{number}", daemon=True).start()
        while self.alive and self.is_parent_alive():
            self._tick(_TICK)
        self.alive = False
        for descriptor in self._listeners:
            self._poller.unregister(descriptor)
        now = time.monotonic()
        until, linger = now + self.cfg.graceful_timeout, now + STOP_KEEPALIVE_LINGER
        while self._open and time.monotonic() < until:
            self._tick(_TICK / 10, linger)

    def _tick(self, pause: float, latest: float | None = None) -> None:
        """Say that all is well, wait for a signal, and close what is late; after `latest`, everything that waits.

        A process that was full accepts again once there is room.
        """
        self.notify()
        if select.select([self.PIPE[0]], [], [], pause)[0]:
            os.read(self.PIPE[0], 1024)
        if self.alive and len(self._open) < self.worker_connections:
            for descriptor in self._listeners:
                self._arm(descriptor)
        now = time.monotonic()
        for descriptor, connection in list(self._waiting.items()):
            if connection.timeout <= now or (latest is not None and latest <= now):
                self._drop_late(descriptor, connection)

    def _drop_late(self, descriptor: int, connection: _Connection) -> None:
        with self._taking:
            mine = self._waiting.get(descriptor) is connection
            if mine:
                del self._waiting[descriptor]
        if mine:
            self._close(connection)

    def _serve(self) -> None:
        """What each thread does."""
        while True:
            for descriptor, _ in self._poller.poll(maxevents=1):
                try:
                    self._attend(descriptor)
                except Exception:
                    self.log.exception("A connection could not be attended to")

    def _attend(self, descriptor: int) -> None:
        if descriptor in self._listeners:
            connection = self._accept(self._listeners[descriptor])
        else:
            with self._taking:
                connection = self._waiting.pop(descriptor, None)
        if connection is None:
            return
        try:
            self._go_on(connection)
        except OSError:
            self._close(connection)
        except BaseException:
            self._close(connection)
            raise

    def _accept(self, listener: socket.socket) -> _Connection | None:
        connection = None
        try:
            client, address = listener.accept()
            connection = _Connection(self.cfg, client, address, listener.getsockname())
            connection.timeout = time.monotonic() + PATIENCE
            self._open.add(connection)
        except OSError as error:
            if error.errno not in _PASSING:
                self.log.exception("No connection can be accepted")
                time.sleep(_TICK)  # out of descriptors: others must end first
        if len(self._open) < self.worker_connections:
            self._arm(listener.fileno())
        return connection

    def _go_on(self, connection: _Connection) -> None:
        """Serve what is here, and then have the connection wait for what comes."""
        if connection.ended:
            if connection.is_gone():
                self._close(connection)
            else:
                self._wait(connection)
            return
        while connection.is_ready():
            if not self.handle(connection):
                self._say_goodbye(connection)
                return
            connection.timeout = time.monotonic() + self.cfg.keepalive
            if not connection.unread:  # the poller tells of what is still in the socket
                break
        if connection.begun is not None:
            connection.timeout = connection.begun + PATIENCE
        self._wait(connection)

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:
        """Whether the connection may bring another request. What the application did not read of this one must go
        first; of a long one that is not waited for.
        """
        return bool(keepalive and conn.extent is Extent.WHOLE and conn.parser.finish_body())

    def _say_goodbye(self, connection: _Connection) -> None:
        """Close without cutting off the answer: the client may still be sending, and a reset would overtake it."""
        connection.ended = True
        connection.sock.shutdown(socket.SHUT_WR)
        if connection.is_gone():
            self._close(connection)
            return
        connection.timeout = time.monotonic() + FAREWELL
        self._wait(connection)

    def _wait(self, connection: _Connection) -> None:
        descriptor = connection.sock.fileno()
        self._waiting[descriptor] = connection
        self._arm(descriptor)

    def _arm(self, descriptor: int) -> None:
        """Have the next thing that happens there wake one thread."""
        try:
            self._poller.modify(descriptor, _ONCE)
        except FileNotFoundError:
            if descriptor not in self._listeners:  # one of these is missing when the process is leaving
                self._poller.register(descriptor, _ONCE)

    def _close(self, connection: _Connection) -> None:
        self._open.discard(connection)
        with suppress(OSError):
            connection.close()
