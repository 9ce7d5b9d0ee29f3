"""Accepting a WebSocket for flask-sock: RFC 6455, section 4.2, and nothing else.

simple-websocket, which flask-sock uses for this, writes the request out again for h11 to parse it a second time, and
prepares for frames that it will never see here: the relay's own event loop reads them. That was 40 % of the
processor time of a client's way in. flask-sock itself stays, and with it Flask's routing and settings.
"""

import base64
import binascii
import hashlib
from typing import Any

import flask_sock
from werkzeug.exceptions import BadRequest, HTTPException

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class UpgradeRequired(HTTPException):
    """Another version of WebSocket than the one there is."""

    code = 426
    description = "WebSocket version 13 is served here"

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        return [*super().get_headers(*args, **kwargs), ("Sec-WebSocket-Version", "13"), ("Upgrade", "websocket")]


class Taken(BaseException):
    """The socket belongs to a connection now: nothing is to be answered any more.

    Raised through flask-sock and Flask, which have nothing left to do (flask-sock would make a class for an answer that
    is none). No `Exception`: neither is to take it for a fault.
    """


class Accepted:
    """Stands in for `simple_websocket.Server`: a socket whose upgrade has been accepted, and nobody reads.

    Raises `HTTPException` where the client's handshake is none.
    """

    def __init__(self, environ: dict[str, Any]) -> None:
        if environ.get("HTTP_SEC_WEBSOCKET_VERSION") != "13":
            raise UpgradeRequired
        token = accept_token(environ.get("HTTP_SEC_WEBSOCKET_KEY", ""))
        self.sock = environ["gunicorn.socket"]
        self.sock.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + token + b"\r\n\r\n"
        )


def accept_token(key: str) -> bytes:
    """The `Sec-WebSocket-Accept` for a client's key, which is 16 bytes in base64. Raises `BadRequest`."""
    try:
        nonce = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        nonce = b""
    if len(nonce) != 16:
        raise BadRequest("Sec-WebSocket-Key must be 16 bytes in base64")
    return base64.b64encode(hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest())


def install() -> None:
    """Have flask-sock accept upgrades in this way, in this process."""
    flask_sock.Server = Accepted
