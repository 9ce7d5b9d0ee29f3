"""Plain requests are read whole or not at all; whatever could be read in two ways is not plain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opbx.relay.plain import MAX_BODY, MAX_HEAD, read_head


def test_a_plain_request() -> None:
    data = b"POST /apps/1/events?a=b%20c HTTP/1.1\r\nHost: x\r\nContent-Length:  5 \r\nX-Empty:\r\n\r\nhello and more"
    head = read_head(data)
    assert head is not None
    assert (head.method, head.target, head.length) == ("POST", "/apps/1/events?a=b%20c", 5)
    assert head.headers == {"HOST": "x", "CONTENT-LENGTH": "5", "X-EMPTY": ""}
    assert data[head.size :] == b"hello and more"
    assert not head.closes


@pytest.mark.parametrize(
    ("value", "closes"), [("close", True), ("keep-alive, Close", True), ("keep-alive, Upgrade", False)]
)
def test_who_wants_no_more(value: str, closes: bool) -> None:
    head = read_head(f"GET / HTTP/1.1\r\nHost: x\r\nConnection: {value}\r\n\r\n".encode())
    assert head is not None
    assert head.closes is closes


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: x\r\n",
        b"GET / HTTP/1.1\r\n\r\n",  # no Host
        b"GET / HTTP/1.0\r\nHost: x\r\n\r\n",
        b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /#a HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /\xe4 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX_Y: z\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: a\nY: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: a\rY: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: \x00\r\n\r\n",
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 3\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: \xb3\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\ncontent-length: 4\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY + 1),
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * MAX_HEAD + b"\r\n\r\n",
    ],
)
def test_what_is_not_plain(data: bytes) -> None:
    assert read_head(data) is None


@given(st.binary(max_size=300) | st.text(alphabet="GETPOSHT/1. :\r\nab", max_size=200).map(str.encode))
def test_no_bytes_break_it(data: bytes) -> None:
    head = read_head(data)
    assert head is None or 0 < head.size <= len(data)
