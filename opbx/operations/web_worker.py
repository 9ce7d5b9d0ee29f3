"""gunicorn's worker for the web process: threads that fetch whole requests themselves.

gunicorn's own threads are handed each request by a main thread and hand back its socket, and a thread that was given a
connection with its first byte reads until the request is whole, however slowly that comes: sixteen senders of a byte a
second would stop two processes of eight threads. Here all threads wait at one epoll, and the kernel wakes one of them
for each connection that has something to read. It takes what is there, and serves the request if that is all of it;
if not, the connection waits with the others again. What is not whole in time is closed. A slow sender costs a socket
and the bytes that it has sent, and no thread.
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

from opbx.operations.request_framing import LONGEST, Extent, Framing

#: Seconds from a request's first byte until it must be whole, and from a connection until that byte.
PATIENCE = 10.0

#: Seconds for which a client may take nothing of its answer.
STALLED = 30

#: Seconds in which a client must take note that it was said goodbye to (RFC 9112, section 9.6).
FAREWELL = 2.0

#: Bytes that are taken at once.
_TAKEN = 16_384

#: Seconds between two looks at what is late.
_TICK = 1.0

_ONCE = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLONESHOT
_TIMEOUT = struct.pack("ll", STALLED, 0)
_PASSING = {errno.EAGAIN, errno.ECONNABORTED}


class _Connection(TConn):  # type: ignore[misc]
    """A client's connection. `timeout` is when it is late; `begun`, when the first byte of its request came."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.data_ready = True  # gunicorn need not wait for a first byte
        self.ended = False
        self.extent = Extent.PART
        self.begun: float | None = None
        self._framing = Framing()
        self.timeout = time.monotonic() + PATIENCE
        for option, value in (
            (socket.SO_SNDTIMEO, _TIMEOUT),
            (socket.SO_RCVTIMEO, _TIMEOUT),
            (socket.SO_OOBINLINE, 1),  # urgent bytes would wake and not be there to take
        ):
            self.sock.setsockopt(socket.SOL_SOCKET, option, value)

    @property
    def taken(self) -> bytes:
        """What has come of the next request."""
        return bytes(self.parser.unreader.buf.getvalue())

    def is_ready(self) -> bool:
        """Take what is there; whether there is a whole request to serve, or an end to take note of."""
        if self._take():
            return True
        data = self.taken
        self.extent = self._framing.extent(data)
        if self.extent is not Extent.PART:
            self.begun, self._framing = None, Framing()
            return True
        if data and self.begun is None:
            self.begun = time.monotonic()
        if self._framing.expects_continue:
            self._framing.expects_continue = False
            self.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n", socket.MSG_DONTWAIT)
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

    def _take(self) -> bool:
        """Put what is there to what has come before, up to LONGEST; whether the peer has ended."""
        buffer = self.parser.unreader.buf
        buffer.seek(0, os.SEEK_END)
        while buffer.tell() < LONGEST:
            try:
                data = self.sock.recv(_TAKEN, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return False
            if not data:
                return True
            buffer.write(data)
            if len(data) < _TAKEN:
                return False
        return False


class WholeRequests(ThreadWorker):  # type: ignore[misc]
    """What `worker_class` of the web process's configuration names. How a request is served is gunicorn's."""

    alive: bool

    # Signals wake the main thread, which sees to them; gunicorn's own would ask its pool and poller.
    handle_exit = Worker.handle_exit
    handle_quit = Worker.handle_quit

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        super().check_config(cfg, log)
        if cfg.is_ssl:
            raise RuntimeError("the web process speaks no TLS: the proxy in front of it does")

    def init_process(self) -> None:
        self._poller = select.epoll()
        self._listeners = {listener.fileno(): listener for listener in self.sockets}
        self._open: set[_Connection] = set()
        # Whoever takes a connection out of here, by its descriptor, is the only one that touches it.
        self._waiting: dict[int, _Connection] = {}
        self._taking = Lock()
        self.keepalived_conns = self._waiting  # gunicorn counts them
        Worker.init_process(self)  # without gunicorn's pool and poller

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

    def _tick(self, pause: float, linger: float | None = None) -> None:
        """Say that all is well, wait for a signal, and close what is late; after `linger`, what is idle as well."""
        self.notify()
        if select.select([self.PIPE[0]], [], [], pause)[0]:
            os.read(self.PIPE[0], 1024)
        now = time.monotonic()
        leaving = linger is not None and linger <= now
        with self._taking:
            late = [
                (descriptor, connection)
                for descriptor, connection in self._waiting.items()
                if connection.timeout <= now or (leaving and connection.begun is None)
            ]
            for descriptor, _ in late:
                del self._waiting[descriptor]
        for _, connection in late:
            self._close(connection)

    def _serve(self) -> None:
        """What each thread does."""
        while True:
            for descriptor, _ in self._poller.poll(maxevents=1):
                try:
                    self._attend(descriptor)
                except BaseException:  # an application that exits ends its request, not the thread
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
            self._open.add(connection)
        except OSError as error:
            if error.errno not in _PASSING:
                self.log.exception("No connection can be accepted")
                time.sleep(_TICK)  # out of descriptors: others must end first
        if len(self._open) > self.worker_connections:
            self._make_room()
        if self.alive:
            self._arm(listener.fileno())
        return connection

    def _make_room(self) -> None:
        """Close the connection that waits with the least time left: one that says nothing, before one that did."""
        with self._taking:
            descriptor = min(self._waiting, key=lambda one: self._waiting[one].timeout, default=None)
            oldest = None if descriptor is None else self._waiting.pop(descriptor)
        if oldest is not None:
            self._close(oldest)

    def _go_on(self, connection: _Connection) -> None:
        """Serve what is here, and then have the connection wait for what comes."""
        if connection.ended:
            if connection.is_gone():
                self._close(connection)
            else:
                self._wait(connection)
            return
        connection.init()
        while connection.is_ready():
            if not self.handle(connection):
                self._say_goodbye(connection)
                return
            connection.timeout = time.monotonic() + self.cfg.keepalive
            if not connection.taken:  # the poller tells of what is still in the socket
                break
        if connection.begun is not None:
            connection.timeout = connection.begun + PATIENCE
        self._wait(connection)

    def handle_request(self, req: Any, conn: Any) -> Any:
        req._expected_100_continue = False  # it was said before, or the body is here
        if conn.extent is not Extent.WHOLE:  # what the application leaves of it is not waited for
            req.force_close()
        return super().handle_request(req, conn)

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:
        """Whether the connection may bring another request: what the application left of this one goes first."""
        return bool(keepalive and conn.parser.finish_body())

    def _say_goodbye(self, connection: _Connection) -> None:
        """Close without cutting off the answer: the client may still be sending, and a reset would overtake it."""
        connection.ended, connection.begun = True, None
        connection.sock.shutdown(socket.SHUT_WR)
        if connection.is_gone():
            self._close(connection)
            return
        connection.timeout = time.monotonic() + FAREWELL
        self._wait(connection)

    def _wait(self, connection: _Connection) -> None:
        descriptor = connection.sock.fileno()
        with self._taking:  # or it might be closed, and its descriptor be another's, before it is armed
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
