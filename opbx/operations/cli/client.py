"""A small WebSocket client on wsproto: simple-websocket's leaves a message unread that comes with the handshake."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Ping, RejectConnection, Request, TextMessage


class Ended(Exception):
    """The server has closed the connection, or would not have it."""


class SocketClient:
    """A connection on which texts are read in one thread and sent from any."""

    def __init__(self, url: str, *, timeout: float) -> None:
        parts = urlsplit(url)
        secure = parts.scheme == "wss"
        host, port = parts.hostname or "", parts.port or (443 if secure else 80)
        self._socket = socket.create_connection((host, port), timeout=timeout)
        if secure:
            self._socket = ssl.create_default_context().wrap_socket(self._socket, server_hostname=host)
        self._protocol = WSConnection(ConnectionType.CLIENT)
        self._events = self._read()
        self._send(Request(host=f"{host}:{port}", target=f"{parts.path}?{parts.query}"))
        if not isinstance(next(self._events), AcceptConnection):
            raise Ended

    def send(self, text: str) -> None:
        self._send(TextMessage(data=text))

    def texts(self) -> Iterator[str]:
        """What comes, message by message. Raises `Ended`, and `TimeoutError` while a timeout is set."""
        parts: list[str] = []
        for event in self._events:
            match event:
                case TextMessage():
                    parts.append(event.data)
                    if event.message_finished:
                        yield "".join(parts)
                        parts.clear()
                case Ping():
                    self._send(event.response())
                case CloseConnection() | RejectConnection():
                    raise Ended

    def wait_for_ever(self) -> None:
        """Silence is nothing unusual from here on."""
        self._socket.settimeout(None)

    def close(self) -> None:
        """End it; whoever reads is told `Ended`."""
        with suppress(OSError):  # it may have ended already
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _send(self, event: Any) -> None:
        self._socket.sendall(self._protocol.send(event))

    def _read(self) -> Iterator[Any]:
        while True:
            yield from self._protocol.events()
            try:
                data = self._socket.recv(65_536)
            except TimeoutError:
                raise
            except OSError:
                data = b""
            if not data:
                raise Ended
            self._protocol.receive_data(data)
