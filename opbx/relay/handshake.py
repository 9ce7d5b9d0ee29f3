"""From an HTTP request to a connection: flask-sock accepts the upgrade, then the socket leaves its request.

The request's greenlet ends at once; the connection lives on as an object that the event loop watches. A refused
client is let in first and told why by a close code, since a browser cannot read an HTTP error.
"""

import _socket
import os
import socket
from collections.abc import Callable
from typing import NoReturn

from flask import Flask, request
from flask_sock import Sock

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
from opbx.relay import upgrade
from opbx.relay.connection import Connection
from opbx.relay.debug import LoudConnection
from opbx.relay.dispatch import Dispatch
from opbx.relay.node import Node
from opbx.relay.upgrade import Accepted, Taken

_OLDEST, _NEWEST = 5, 7


def detach(ws: Accepted) -> _socket.socket:
    """Take the socket away from its request, so that closing the request does not close it."""
    # The plain socket of the C library: gevent's, which waits when it cannot send, wraps each send once more.
    taken = _socket.socket(fileno=os.dup(ws.sock.fileno()))
    taken.setblocking(False)
    taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return taken


def register_sockets(flask: Flask, node: Node, dispatch: Dispatch) -> None:
    """Serve WebSocket at `/app/{key}`, and refuse it in the protocol's way everywhere else."""
    upgrade.install()
    sock = Sock(flask)

    @sock.route("/app/<key>")
    def connect(ws: Accepted, key: str) -> None:
        _open(ws, lambda: _admissible(node.apps, key))

    def nowhere(ws: Accepted, **_path: str) -> None:
        _open(ws, _no_path)

    for path in ("/", "/<path:path>"):  # flask-sock's decorator cannot be stacked
        sock.route(path, endpoint=f"nowhere {path}")(nowhere)

    kind = LoudConnection if node.settings.debug else Connection

    def _open(ws: Accepted, check: Callable[[], App]) -> NoReturn:
        taken, socket_id = detach(ws), node.new_socket_id()
        try:
            connection = kind(taken, socket_id, check(), dispatch)
        except Closing as closing:
            kind(taken, socket_id, NO_APP, dispatch).close(closing)
            raise Taken from None
        try:
            node.admit(connection, request.remote_addr or "unknown")
        except Closing as closing:
            connection.close(closing)
        raise Taken


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
