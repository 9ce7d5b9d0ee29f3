"""Connections: no torn frames, slow readers dropped, floods held up, farewells that arrive."""

import socket
from collections.abc import Callable, Iterator

import gevent
import pytest
from wsproto import ConnectionType
from wsproto.connection import Connection as Peer
from wsproto.events import CloseConnection, TextMessage
from wsproto.frame_protocol import FrameProtocol

from opbx.pusher.errors import ReconnectNow
from opbx.relay.connection import Connection, State
from opbx.relay.frames import text_frame
from tests.relay.fakes import APP


class Recorder:
    """A handler that keeps what it is told."""

    send_buffer = 100_000
    max_frame = 1000
    max_messages_per_second = 10

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.farewells: list[str] = []

    def message(self, _connection: Connection, text: str) -> None:
        self.texts.append(text)

    def closed(self, _connection: Connection) -> None:
        self.farewells.append("closed")

    def gone(self, _connection: Connection) -> None:
        self.farewells.append("gone")


class Pair:
    """A connection and the other end of its socket."""

    def __init__(self) -> None:
        ours, self.peer = socket.socketpair()
        ours.setblocking(False)
        self.peer.setblocking(False)
        self.handler = Recorder()
        self.connection = Connection(ours, "1.1", APP, self.handler)
        self.client = FrameProtocol(client=True, extensions=[])
        self.received = b""

    def read(self) -> bytes:
        """Read what has come; the loop gets its turn too."""
        gevent.sleep(0.001)
        try:
            while data := self.peer.recv(65_536):
                self.received += data
        except (BlockingIOError, ConnectionResetError):
            pass
        return self.received

    def events(self) -> list[TextMessage | CloseConnection]:
        reader = Peer(ConnectionType.CLIENT)
        reader.receive_data(self.received)
        return [e for e in reader.events() if isinstance(e, TextMessage | CloseConnection)]


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = Pair()
    yield pair
    pair.connection.lose()
    pair.peer.close()


def until(condition: Callable[[], object]) -> None:
    with gevent.Timeout(10):
        while not condition():
            gevent.sleep(0.001)


def test_messages_reach_the_handler(pair: Pair) -> None:
    for byte in bytes(pair.client.send_data("slow")):
        pair.peer.send(bytes([byte]))
        gevent.sleep(0)
    until(lambda: pair.handler.texts == ["slow"])


def test_a_reader_that_catches_up_gets_whole_frames_in_order(pair: Pair) -> None:
    texts = [f"{number:05}" * 100 for number in range(1500)]
    for text in texts:
        pair.connection.send(text_frame(text.encode()))
        if pair.connection.unsent > 50_000:
            pair.read()
    until(lambda: len(pair.read()) >= sum(len(text_frame(text.encode())) for text in texts))
    found = "".join(event.data for event in pair.events() if isinstance(event, TextMessage))
    assert found == "".join(texts)
    assert pair.connection.unsent == 0


def test_a_reader_that_never_reads_is_dropped_with_4100(pair: Pair) -> None:
    frame = text_frame(b"x" * 10_000)
    for _ in range(1000):
        pair.connection.send(frame)
        if pair.connection.state is not State.OPEN:
            break
    assert pair.handler.farewells == ["closed"]
    assert pair.connection.unsent < 11_000
    until(lambda: pair.read() and isinstance(pair.events()[-1], CloseConnection))
    farewell = pair.events()[-1]
    assert isinstance(farewell, CloseConnection)
    assert farewell.code == 4100


def test_a_flood_is_held_up_and_then_served(pair: Pair) -> None:
    for number in range(25):
        pair.peer.send(bytes(pair.client.send_data(str(number))))
    until(lambda: len(pair.handler.texts) == 10)
    gevent.sleep(0.01)
    assert len(pair.handler.texts) == 10
    pair.connection.refill()
    until(lambda: len(pair.handler.texts) == 20)
    pair.connection.refill()
    until(lambda: pair.handler.texts == [str(number) for number in range(25)])


def test_closing_says_why_and_waits_for_the_peer(pair: Pair) -> None:
    pair.connection.close(ReconnectNow())
    until(pair.read)
    (farewell,) = pair.events()
    assert isinstance(farewell, CloseConnection)
    assert farewell.code == 4200
    assert pair.handler.farewells == ["closed"]
    pair.peer.close()
    until(lambda: pair.handler.farewells == ["closed", "gone"])


def test_a_peer_that_closes_is_answered(pair: Pair) -> None:
    pair.peer.send(bytes(pair.client.close(1000)))
    until(pair.read)
    (farewell,) = pair.events()
    assert isinstance(farewell, CloseConnection)
    assert farewell.code == 1000


def test_a_peer_that_vanishes_is_let_go(pair: Pair) -> None:
    pair.peer.close()
    until(lambda: pair.handler.farewells == ["closed", "gone"])


def test_a_broken_frame_ends_the_connection(pair: Pair) -> None:
    pair.peer.send(b"\xff\xff\xff\xff")
    until(pair.read)
    farewell = pair.events()[-1]
    assert isinstance(farewell, CloseConnection)
    assert farewell.code == 1002
