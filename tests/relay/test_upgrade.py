"""Accepting an upgrade: RFC 6455, section 4.2."""

import socket

import pytest
from werkzeug.exceptions import BadRequest

from opbx.relay.upgrade import Accepted, UpgradeRequired, accept_token


def test_the_example_of_the_rfc() -> None:
    assert accept_token("dGhlIHNhbXBsZSBub25jZQ==") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@pytest.mark.parametrize("key", ["", "short", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZWFi", "ä" * 24])
def test_what_is_no_key(key: str) -> None:
    with pytest.raises(BadRequest):
        accept_token(key)


def test_the_answer() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        environ = {"HTTP_SEC_WEBSOCKET_VERSION": "13", "HTTP_SEC_WEBSOCKET_KEY": "dGhlIHNhbXBsZSBub25jZQ=="}
        Accepted({**environ, "gunicorn.socket": ours})
        first, *headers = theirs.recv(4096).decode().split("\r\n")
    assert first == "HTTP/1.1 101 Switching Protocols"
    assert "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in headers
    assert not any(header.startswith("Sec-WebSocket-Extensions") for header in headers)


@pytest.mark.parametrize("version", [None, "8", "13, 8"])
def test_other_versions_are_told_which_there_is(version: str | None) -> None:
    environ = {"HTTP_SEC_WEBSOCKET_KEY": "dGhlIHNhbXBsZSBub25jZQ==", "HTTP_SEC_WEBSOCKET_VERSION": version}
    with pytest.raises(UpgradeRequired) as raised:
        Accepted(environ)
    assert ("Sec-WebSocket-Version", "13") in raised.value.get_headers()
