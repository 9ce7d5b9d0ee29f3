"""From an HTTP request to a connection: flask-sock accepts the upgrade, then the socket leaves its request.

The request's greenlet ends at once; the connection lives on as an object that the event loop watches. A refused
client is let in first and told why by a close code, since a browser cannot read an HTTP error.
"""

import _socket
import os
import socket
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, request
from flask_sock import Sock
from simple_websocket import Server

from opbx.apps import NO_APP, App, Apps
from opbx.pusher.errors import (
    AppDisabled,
    BadVersion,
    Closing,
    NoProtocol,
    PathNotFound,
    Unauthorized,
    UnknownApp,
    UnsupportedProtocol,
)
from opbx.relay.connection import Connection
from opbx.relay.dispatch import Dispatch
from opbx.relay.node import Node

_OLDEST, _NEWEST = 5, 7


class NoThread:
    """Stands in for simple-websocket's reader thread: the event loop reads here."""

    def __init__(self, target: Callable[[], None]) -> None:
        self.name = target.__name__

    def start(self) -> None:
        """Nothing runs."""


def detach(ws: Server) -> _socket.socket:
    """Take the socket away from its request, so that closing the request does not close it."""
    # The plain socket of the C library: gevent's, which waits when it cannot send, wraps each send once more.
    taken = _socket.socket(fileno=os.dup(ws.sock.fileno()))
    taken.setblocking(False)
    taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    ws.connected = False  # keeps flask-sock from sending a close frame
    return taken


class WithoutCompression:
    """WSGI middleware that hides the offered extensions: simple-websocket would accept permessage-deflate.

    With it, each connection keeps a compressor, and a message must be compressed for each receiver.
    """

    def __init__(self, wsgi: Callable[..., Iterable[bytes]]) -> None:
        self._wsgi = wsgi

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
        return self._wsgi(environ, start_response)


def register_sockets(flask: Flask, node: Node, dispatch: Dispatch) -> None:
    """Serve WebSocket at `/app/{key}`, and refuse it in the protocol's way everywhere else."""
    flask.config["SOCK_SERVER_OPTIONS"] = {"thread_class": NoThread}
    flask.wsgi_app = WithoutCompression(flask.wsgi_app)  # type: ignore[method-assign]
    sock = Sock(flask)

    @sock.route("/app/<key>")
    def connect(ws: Server, key: str) -> None:
        _open(ws, lambda: _admissible(node.apps, key))

    def nowhere(ws: Server, **_path: str) -> None:
        _open(ws, _no_path)

    for path in ("/", "/<path:path>"):  # flask-sock's decorator cannot be stacked
        sock.route(path, endpoint=f"nowhere {path}")(nowhere)

    def _open(ws: Server, check: Callable[[], App]) -> None:
        taken, socket_id = detach(ws), node.new_socket_id()
        try:
            connection = Connection(taken, socket_id, check(), dispatch)
        except Closing as closing:
            Connection(taken, socket_id, NO_APP, dispatch).close(closing)
            return
        try:
            node.admit(connection, request.remote_addr or "unknown")
        except Closing as closing:
            connection.close(closing)


def _no_path() -> App:
    raise PathNotFound


def _admissible(apps: Apps, key: str) -> App:
    """The app that the client asks for. Raises `Closing` in the order in which hosted Pusher checks."""
    app = apps.by_key(key)
    if app is None:
        raise UnknownApp
    if not app.enabled:
        raise AppDisabled
    origin = request.headers.get("Origin", "")
    if app.allowed_origins and origin not in app.allowed_origins and "*" not in app.allowed_origins:
        raise Unauthorized("This origin is not allowed")
    version = request.args.get("protocol")
    if not version:
        raise NoProtocol
    if not version.isascii() or not version.isdigit():
        raise BadVersion
    if not _OLDEST <= int(version[:9]) <= _NEWEST:
        raise UnsupportedProtocol
    return app
