"""HTTP below the API: requests on one connection, whatever their form, and upgrades that are none."""

import json
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from opbx.pusher.signatures import body_digest, request_signature
from tests.protocol.relays import APP_ID, KEY, SECRET, Relays

BODY = json.dumps({"name": "news", "data": "{}", "channel": "anything"}).encode()


def target(body: bytes = BODY) -> str:
    path = f"/apps/{APP_ID}/events"
    query = {"auth_key": KEY, "auth_timestamp": str(int(time.time())), "auth_version": "1.0"}
    query |= {"body_md5": body_digest(body)}
    return f"{path}?{urlencode({**query, 'auth_signature': request_signature(SECRET, 'POST', path, query)})}"


def post(*headers: str, body: bytes = BODY) -> bytes:
    lines = [f"POST {target()} HTTP/1.1", "Host: relay", *(headers or (f"Content-Length: {len(body)}",))]
    return "\r\n".join([*lines, "", ""]).encode() + body


@pytest.fixture
def connection(relays: Relays) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", relays.ports[0]), timeout=10) as connection:
        yield connection


def statuses(connection: socket.socket, count: int) -> list[int]:
    """Of so many answers with a body of stated length."""
    found: list[int] = []
    data = b""
    while len(found) < count:
        part = connection.recv(65_536)
        assert part, f"closed after {found}: {data!r}"
        data += part
        while b"\r\n\r\n" in data:
            head, _, rest = data.partition(b"\r\n\r\n")
            length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            if len(rest) < length:
                break
            found.append(int(head[9:12]))
            data = rest[length:]
    return found


def test_many_on_one_connection_and_at_once(connection: socket.socket) -> None:
    connection.sendall(post() * 20)
    assert statuses(connection, 20) == [200] * 20
    connection.sendall(post("Content-Length: 2", body=b"{}"))  # signed for another body
    connection.sendall(post())
    assert statuses(connection, 2) == [401, 200]


def test_in_pieces(connection: socket.socket) -> None:
    request = post()
    cut = request.index(b"\r\n\r\n") + 4
    for part in (request[:cut], request[cut : cut + 10], request[cut + 10 :], request[:10], request[10:]):
        connection.sendall(part)
        time.sleep(0.05)
    assert statuses(connection, 2) == [200, 200]


def test_unusual_forms_are_served_as_well(connection: socket.socket) -> None:
    connection.sendall(post())
    connection.sendall(post("Transfer-Encoding: chunked", body=b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)))
    assert statuses(connection, 2) == [200, 200]
    connection.sendall(post("Expect: 100-continue", f"Content-Length: {len(BODY)}", body=b""))
    assert b" 100 Continue" in connection.recv(1000)
    connection.sendall(BODY)
    assert statuses(connection, 1) == [200]


def test_whoever_wants_to_close_is_left(connection: socket.socket) -> None:
    connection.sendall(post("Connection: close", f"Content-Length: {len(BODY)}"))
    assert statuses(connection, 1) == [200]
    assert connection.recv(1) == b""


@pytest.mark.parametrize("request_line", ["GET / HTTP/9.9", "nonsense", "GET /\x01 HTTP/1.1"])
def test_what_is_no_request_is_a_bad_one(connection: socket.socket, request_line: str) -> None:
    connection.sendall(f"{request_line}\r\nHost: x\r\n\r\n".encode())
    assert connection.recv(1000).split()[1] in {b"400", b"505"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n", 400),
        ("Sec-WebSocket-Version: 13\r\n", 400),
        ("Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n", 426),
    ],
)
def test_upgrades_that_are_none(connection: socket.socket, headers: str, status: int) -> None:
    upgrade = f"GET /app/{KEY}?protocol=7 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    connection.sendall(f"{upgrade}{headers}\r\n".encode())
    assert statuses(connection, 1) == [status]


def test_an_upgrade_of_unusual_form_is_one_as_well(connection: socket.socket) -> None:
    connection.sendall(
        f"GET /app/{KEY}?protocol=7 HTTP/1.1\r\nHost: x\r\nX: 1\r\nX: 2\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
    )
    seen = b""
    while b"connection_established" not in seen:
        part = connection.recv(4096)
        assert part, seen
        seen += part
    assert seen.startswith(b"HTTP/1.1 101 ")
    assert seen.count(b"HTTP/1.1") == 1
