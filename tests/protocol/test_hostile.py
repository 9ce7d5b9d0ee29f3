"""Slow and hostile clients: each is bounded, and a well-behaved one beside them is served as before."""

import json
import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest
import requests
import websocket
from wsproto.frame_protocol import FrameProtocol

from tests.protocol.relays import APP_ID, KEY, Relays, Socket
from tests.servers import wait_until

#: Memory that attacks may cost, in all.
GROWTH = 60 * 2**20


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relays]:
    relays = Relays(
        tmp_path_factory.mktemp("hostile"), 1, RELAY_MAX_CHANNELS_PER_CONNECTION="20",
        RELAY_MAX_CONNECTIONS_PER_ADDRESS="200", RELAY_REQUEST_TIMEOUT="5",
    )  # fmt: skip
    try:
        relays.start()
        yield relays
    finally:
        relays.stop()


class Witness:
    """A well-behaved client: pings all the time, and keeps the longest wait for an answer."""

    def __init__(self, relay: Relays) -> None:
        self._socket = relay.socket().greet()
        self._stop = threading.Event()
        self.longest = 0.0
        self.answers = 0
        self._thread = threading.Thread(target=self._ping)
        self._thread.start()

    def _ping(self) -> None:
        while not self._stop.is_set():
            asked = time.monotonic()
            self._socket.send("pusher:ping", {})
            self._socket.read_event("pusher:pong")
            self.longest = max(self.longest, time.monotonic() - asked)
            self.answers += 1
            self._stop.wait(0.02)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(15)


@pytest.fixture
def witness(relay: Relays) -> Iterator[Witness]:
    before = memory(relay)
    witness = Witness(relay)
    yield witness
    witness.stop()
    relay.close_clients()
    assert witness.answers > 0
    assert witness.longest < 2.0, "a well-behaved client waited"  # on a busy machine; milliseconds otherwise
    assert memory(relay) - before < GROWTH


def memory(relay: Relays) -> int:
    (worker,) = psutil.Process(relay.servers[0].pid).children()
    size: int = worker.memory_info().rss
    return size


def connections(relay: Relays) -> int:
    usage = requests.get(f"http://127.0.0.1:{relay.metrics_ports[0]}/usage", timeout=10).json()
    return int(usage["connections"])


def test_slow_readers_are_dropped(relay: Relays, witness: Witness) -> None:
    slow = [relay.socket().greet() for _ in range(20)]
    for number, reader in enumerate(slow):
        reader.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.subscribe("flood")
        if number == 0:
            reader.read_event("pusher_internal:subscription_succeeded")
    library = relay.library()

    def dropped() -> bool:
        library.trigger_batch([{"channel": "flood", "name": "much", "data": "x" * 10_000} for _ in range(10)])
        return connections(relay) == 1

    wait_until(dropped, timeout=60, what="all but the witness being dropped")


def test_a_byte_at_a_time(relay: Relays, witness: Witness) -> None:
    frame = bytes(FrameProtocol(client=True, extensions=[]).send_data('{"event":"pusher:ping","data":{}}'))
    senders = [relay.socket().greet() for _ in range(20)]
    for byte in frame:
        for sender in senders:
            sender.tcp.send(bytes([byte]))
    for sender in senders:
        assert sender.read()["event"] == "pusher:pong"


def connect(relay: Relays) -> socket.socket:
    return socket.create_connection(("127.0.0.1", relay.ports[0]), timeout=10)


def is_closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(65_536) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def test_requests_that_never_end(relay: Relays, witness: Witness) -> None:
    """Whether it is the head or the body, in whatever form: who has a byte each time still has one deadline for all."""
    post = f"POST /apps/{APP_ID}/events HTTP/1.1\r\nHost: x\r\n".encode()
    kinds = {
        "silence": (b"", b""),
        "head": (b"GET /app/x HTTP/1.1\r\nHost: x\r\nX: ", b"x"),
        "body": (post + b"Content-Length: 10000\r\n\r\n", b"x"),
        "chunks": (post + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        "after another": (b"GET /ready HTTP/1.1\r\nHost: x\r\n\r\n" + post + b"Content-Length: 10000\r\n\r\n", b"x"),
    }
    open_ones = []
    for kind, (begin, _) in kinds.items():
        for _ in range(10):
            connection = connect(relay)
            connection.sendall(begin)
            open_ones.append((kind, connection))

    def all_closed() -> bool:
        for kind, connection in list(open_ones):
            with suppress(OSError):
                connection.send(kinds[kind][1])
            if is_closed(connection):
                connection.close()
                open_ones.remove((kind, connection))
        return not open_ones

    assert not all_closed()
    wait_until(all_closed, timeout=40, what="all being closed")


def test_bodies_that_wait_for_their_last_byte(relay: Relays, witness: Witness) -> None:
    """A hundred megabytes of them; the witness's fixture looks at the memory."""
    head = f"POST /apps/{APP_ID}/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n".encode()
    senders = [connect(relay) for _ in range(100)]
    for sender in senders:
        sender.settimeout(10)
        with suppress(OSError):  # it no longer reads
            sender.sendall(head + bytes(999_999))
    wait_until(lambda: sum(is_closed(sender) for sender in senders[:50]) == 50, timeout=20, what="room being made")
    for sender in senders:
        sender.close()


def test_a_flood_of_connections_that_say_nothing(relay: Relays, witness: Witness) -> None:
    """More than gunicorn serves at once. The oldest make room, so that whoever speaks is served."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    flood = [connect(relay) for _ in range(2_100)]
    try:
        relay.socket().greet()
        wait_until(lambda: is_closed(flood[0]), timeout=4, what="the oldest making room")
        assert not is_closed(flood[-1])
    finally:
        for one in flood:
            one.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_hundred_thousand_tiny_frames(relay: Relays, witness: Witness) -> None:
    """They wait in the sender's own kernel: the relay takes as many a second as it allows, and no more."""
    flooder = relay.socket().greet()
    flooder.tcp.settimeout(1)
    frame = bytes(FrameProtocol(client=True, extensions=[]).send_data("{}"))
    with suppress(TimeoutError):  # nobody takes them
        for _ in range(100):
            flooder.tcp.sendall(frame * 1000)
    flooder.tcp.settimeout(10)
    assert flooder.read()["event"] == "pusher:error"


def test_huge_frames(relay: Relays, witness: Witness) -> None:
    for _ in range(20):
        sender = relay.socket().greet()
        try:
            sender.ws.send("x" * 1_000_000)
            assert sender.read_close()[0] == 1009
        except (OSError, websocket.WebSocketException):  # reset while it was still sending
            pass


def test_a_flood_of_subscriptions(relay: Relays, witness: Witness) -> None:
    flooder = relay.socket().greet()
    for number in range(60):
        flooder.send("pusher:subscribe", {"channel": f"flood-{number}"})
    answers = [flooder.read() for _ in range(60)]
    granted = [m for m in answers if m["event"] == "pusher_internal:subscription_succeeded"]
    refused = [m for m in answers if m["event"] == "pusher:subscription_error"]
    assert (len(granted), len(refused)) == (20, 40)
    assert json.loads(refused[0]["data"])["status"] == 429


def test_a_flood_of_connections_from_one_address(relay: Relays, witness: Witness) -> None:
    opened: list[Socket] = []
    codes: list[int] = []
    for _ in range(220):
        opened.append(relay.socket())
        opcode, data = opened[-1].ws.recv_data(control_frame=True)
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            codes.append(int.from_bytes(data[:2]))
    assert set(codes) == {4100}
    assert 20 <= len(codes) <= 25
    for one in opened:
        one.close()
    opened.clear()

    def served_again() -> bool:
        return "connection_established" in str(relay.socket().ws.recv())

    wait_until(served_again, what="a place becoming free")


def test_many_come_and_go_and_leave_nothing(relay: Relays) -> None:
    """A rehearsal of what `make soak` does at length."""
    url = f"ws://127.0.0.1:{relay.ports[0]}/app/{KEY}?protocol=7"

    def come_and_go(times: int) -> None:
        for _ in range(times):
            ws = websocket.create_connection(url, timeout=10)
            ws.recv()
            ws.send('{"event":"pusher:subscribe","data":{"channel":"door"}}')
            ws.recv()
            ws.shutdown()  # type: ignore[no-untyped-call]

    come_and_go(200)
    before = memory(relay)
    come_and_go(1000)
    assert memory(relay) - before < 4 * 2**20
    (worker,) = psutil.Process(relay.servers[0].pid).children()
    wait_until(lambda: len(worker.net_connections()) < 20, what="sockets being closed")
