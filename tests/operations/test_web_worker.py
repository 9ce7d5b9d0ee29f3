"""Slow senders cost sockets, not threads: whoever sends a whole request is served beside any number of them."""

import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from opbx.operations.request_framing import LONGEST, Extent, Framing
from opbx.settings import ROOT, Settings, declared
from tests.servers import Server, free_port, wait_until

#: A small application behind the worker: it says how much it was sent.
_APP = """
import time


def app(environ, start_response):
    if environ["PATH_INFO"] == "/refused":
        start_response("413 Content Too Large", [("Content-Length", "0")])
        return []
    if environ["PATH_INFO"] == "/slow":
        time.sleep(1)
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", str(len(str(len(body)))))])
    return [str(len(body)).encode()]
"""

CHUNKED = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
POST = b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", Extent.PART),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", Extent.PART),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", Extent.WHOLE),
        (POST, Extent.PART),
        (POST + b"123456789", Extent.PART),
        (POST + b"1234567890", Extent.WHOLE),
        (POST.replace(b"Content-Length", b"content-LENGTH") + b"123456789", Extent.PART),
        (POST.replace(b" 10", b" 1000000"), Extent.LONG),
        (CHUNKED + b"5\r\nhello\r\n", Extent.PART),
        (CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", Extent.WHOLE),
        (CHUNKED + b"FFFF\r\n0\r\n\r\n", Extent.PART),  # the first bytes of a chunk that look like the last chunk
        (CHUNKED + b"5\r\nhello\r\n0\r\nDigest: x\r\n", Extent.PART),
        (CHUNKED + b"5\r\nhello\r\n0\r\nDigest: x\r\n\r\n", Extent.WHOLE),
        (CHUNKED + b"nonsense\r\n", Extent.LONG),  # refused when it is read
        (b"x" * LONGEST, Extent.LONG),
        (POST.replace(b" 10", b" 0000000000000000000010") + b"123456789", Extent.PART),
        (POST.replace(b" 10", b" ten"), Extent.LONG),
        (CHUNKED + b"000000005\r\nhel", Extent.PART),
    ],
)
def test_how_much_is_here(data: bytes, expected: Extent) -> None:
    assert Framing().extent(data) is expected


def test_the_longest_body_that_is_allowed_is_waited_for() -> None:
    (most,) = [one.metadata["range"][1] for one in declared(Settings) if one.name == "webhook_max_body"]
    head = b"POST / HTTP/1.1\r\nX: %b\r\nContent-Length: %d\r\n\r\n" % (b"x" * 30_000, most)
    assert Framing().extent(head + bytes(most - 1)) is Extent.PART
    assert Framing().extent(head + bytes(most)) is Extent.WHOLE


@pytest.mark.parametrize("request_", [POST + b"1234567890", CHUNKED + b"5\r\nhello\r\n0\r\nDigest: x\r\n\r\n"])
def test_a_request_that_comes_byte_by_byte_is_whole_with_its_last(request_: bytes) -> None:
    framing = Framing()
    extents = [framing.extent(request_[:size]) for size in range(len(request_) + 1)]
    assert extents == [Extent.PART] * len(request_) + [Extent.WHOLE]


def start(folder: Path) -> tuple[int, Server]:
    """One process of two threads."""
    (folder / "small.py").write_text(_APP)
    (folder / "conf.py").write_text(
        "from opbx.operations import web_worker\nweb_worker.PATIENCE = 2.0\n"
        "worker_class = 'opbx.operations.web_worker.WholeRequests'\nthreads = 2\nkeepalive = 5\n"
        "worker_connections = 40\ncontrol_socket_disable = True\n"
    )
    port = free_port()
    server = Server(
        "gunicorn", folder, str(Path(sys.executable).parent / "gunicorn"), "-c", str(folder / "conf.py"),
        "-b", f"127.0.0.1:{port}", "--pythonpath", str(folder), "small:app", env={"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    server.start()

    def answers() -> bool:
        with socket.socket() as attempt:
            return attempt.connect_ex(("127.0.0.1", port)) == 0

    wait_until(answers, what=f"gunicorn: {server.tail()}")
    return port, server


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    port, server = start(tmp_path_factory.mktemp("worker"))
    yield port
    server.stop()


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def read_answer(sender: socket.socket, body: bytes = b"10") -> None:
    """The answer; usually to `POST` with its ten bytes."""
    answer = b""
    while not answer.endswith(b"\r\n\r\n" + body):
        part = sender.recv(1000)
        assert part, answer
        answer += part


def test_senders_of_a_byte_at_a_time_hold_nobody_up_and_are_cut_off(port: int) -> None:
    slow = [connect(port) for _ in range(20)]
    started = time.monotonic()
    try:
        for byte in (POST + b"1234")[:16]:
            for sender in slow:
                with suppress(OSError):  # cut off, where the machine is slow
                    sender.sendall(bytes([byte]))
            asked = time.monotonic()
            assert requests.post(f"http://127.0.0.1:{port}/", data=b"x" * 5, timeout=5).text == "5"
            assert time.monotonic() - asked < 1.5, "a whole request waited for slow ones"
            time.sleep(0.01)
        for sender in slow:
            with suppress(ConnectionResetError):
                assert sender.recv(100) == b"", "closed without an answer"
        assert time.monotonic() - started >= 2.0
    finally:
        for sender in slow:
            sender.close()


def test_who_connects_and_says_nothing_holds_nobody_up(port: int) -> None:
    idle = [connect(port) for _ in range(20)]
    asked = time.monotonic()
    assert requests.get(f"http://127.0.0.1:{port}/", timeout=5).text == "0"
    assert time.monotonic() - asked < 1.5
    for sender in idle:
        sender.close()


def test_a_request_in_pieces_is_served_when_it_is_whole(port: int) -> None:
    with connect(port) as sender:
        for piece in (POST[:20], POST[20:], b"12345", b"67890"):
            sender.sendall(piece)
            time.sleep(0.05)
        read_answer(sender)
        sender.sendall(POST + b"abcdefghij" + POST)  # on the same connection, and the beginning of a third
        read_answer(sender)
        sender.sendall(b"abcdefghij")
        read_answer(sender)


def test_the_beginning_of_a_next_request_holds_nobody_up(port: int) -> None:
    slow = [connect(port) for _ in range(8)]
    for sender in slow:
        sender.sendall(POST + b"0123456789" + POST[:9])
    for sender in slow:
        read_answer(sender)
    assert requests.get(f"http://127.0.0.1:{port}/", timeout=1.5).text == "0"
    for sender in slow:
        sender.close()


@pytest.mark.parametrize("size", [0, 60_000, 300_000])
def test_bodies_of_any_size_arrive(port: int, size: int) -> None:
    with requests.Session() as session:
        for _ in range(3):
            answer = session.post(f"http://127.0.0.1:{port}/", data=b"x" * size, timeout=10)
            assert answer.text == str(size)
            assert answer.headers["Connection"] == ("close" if size > LONGEST else "keep-alive")


def test_chunks_arrive(port: int) -> None:
    chunks = iter([b"hello", b" ", b"world"])
    assert requests.post(f"http://127.0.0.1:{port}/", data=chunks, timeout=10).text == "11"


def test_a_sender_that_ends_in_the_middle_costs_nothing(port: int) -> None:
    with connect(port) as sender:
        sender.sendall(POST + b"123")
        sender.shutdown(socket.SHUT_WR)
        sender.recv(1000)  # an end, or an answer: not a wait
    assert requests.get(f"http://127.0.0.1:{port}/", timeout=5).text == "0"


def test_a_body_that_is_too_long_and_never_comes_holds_nobody_up(port: int) -> None:
    greedy = [connect(port) for _ in range(8)]
    for sender in greedy:
        sender.sendall(POST.replace(b"POST /x", b"POST /refused").replace(b" 10", b" 1000000"))
    assert requests.get(f"http://127.0.0.1:{port}/", timeout=1.5).text == "0"
    for sender in greedy:
        assert sender.recv(1000).startswith(b"HTTP/1.1 413"), "answered before it is closed"
        sender.close()


@pytest.mark.parametrize("first", [5, len(POST), 200])
def test_who_asks_is_told_to_go_on_once(port: int, first: int) -> None:
    head = POST.replace(b"Host", b"Expect: 100-continue\r\nHost")
    with connect(port) as sender:
        sender.sendall(head[:first])
        time.sleep(0.05)
        sender.sendall(head[first:])
        assert sender.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sender.sendall(b"0123456789")
        assert sender.recv(1000).startswith(b"HTTP/1.1 200")


def test_urgent_bytes_and_many_small_packets_hold_nobody_up(port: int) -> None:
    slow = [connect(port) for _ in range(4)]
    for sender in slow:
        sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sender.send(b"P", socket.MSG_OOB)
    for _ in range(1000):
        for sender in slow:
            with suppress(OSError):
                sender.send(b"O")
    assert requests.get(f"http://127.0.0.1:{port}/", timeout=1.5).text == "0"
    for sender in slow:
        sender.close()


def test_who_stays_after_a_last_answer_holds_nobody_up(port: int) -> None:
    staying = [connect(port) for _ in range(8)]
    for sender in staying:
        sender.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    asked = time.monotonic()
    assert requests.get(f"http://127.0.0.1:{port}/", timeout=1.5).text == "0"
    assert time.monotonic() - asked < 1.5
    for sender in staying:
        answer = b"".join(iter(lambda: sender.recv(1000), b""))  # noqa: B023 - called here
        assert answer.endswith(b"0")
        sender.close()


def test_a_full_process_lets_go_of_who_says_nothing(port: int) -> None:
    with requests.Session() as known:
        assert known.get(f"http://127.0.0.1:{port}/", timeout=5).text == "0"
        idle = [connect(port) for _ in range(60)]
        with connect(port) as late:
            late.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert late.recv(1000).startswith(b"HTTP/1.1 200")
        assert known.get(f"http://127.0.0.1:{port}/", timeout=5).text == "0"
        assert idle[0].recv(100) == b"", "the first of the silent ones went"
        for sender in idle:
            sender.close()


def test_a_leaving_process_ends_what_is_under_way(tmp_path: Path) -> None:
    port, server = start(tmp_path)
    with connect(port) as sender, connect(port) as idle:
        sender.sendall(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
        idle.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        read_answer(idle, b"0")
        server.stop()
        read_answer(sender, b"0")
        assert sender.recv(1000) == idle.recv(1000) == b""
