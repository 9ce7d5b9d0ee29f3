"""Frames: what is sent is what wsproto reads, and no input makes the decoder fail in another way than closing."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import CloseConnection, TextMessage
from wsproto.frame_protocol import FrameProtocol

from opbx.pusher.errors import MessageTooBig, UnsupportedData
from opbx.relay.frames import Close, Decoder, FrameError, Incoming, Ping, Text, close_frame, text_frame

LIMIT = 1000


def client() -> FrameProtocol:
    return FrameProtocol(client=True, extensions=[])


def decode(decoder: Decoder, data: bytes, sizes: list[int]) -> list[Incoming]:
    """Feed `data` cut into pieces of `sizes`, and then the rest."""
    found: list[Incoming] = []
    for size in sizes:
        found += decoder.feed(data[:size])
        data = data[size:]
    return found + list(decoder.feed(data))


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_text_frames_are_read_by_a_client(size: int) -> None:
    reader = Connection(ConnectionType.CLIENT)
    reader.receive_data(text_frame(b"x" * size))
    messages = [event for event in reader.events() if isinstance(event, TextMessage)]
    assert "".join(message.data for message in messages) == "x" * size
    assert messages[-1].message_finished


def test_close_frames_are_read_by_a_client() -> None:
    reader = Connection(ConnectionType.CLIENT)
    reader.receive_data(close_frame(4001, "no such app"))
    (event,) = reader.events()
    assert isinstance(event, CloseConnection)
    assert (event.code, event.reason) == (4001, "no such app")


@given(texts=st.lists(st.text(max_size=50), max_size=8), sizes=st.lists(st.integers(1, 40), max_size=30))
def test_messages_arrive_however_they_are_cut(texts: list[str], sizes: list[int]) -> None:
    sender, decoder = client(), Decoder(LIMIT)
    data = b"".join(bytes(sender.send_data(text)) for text in texts)
    assert decode(decoder, data, sizes) == [Text(text) for text in texts]
    assert decoder.between_messages


def test_fragments_and_pings_between_them() -> None:
    sender, decoder = client(), Decoder(LIMIT)
    data = bytes(sender.send_data("one ", fin=False) + sender.ping(b"!") + sender.send_data("two"))
    assert list(decoder.feed(data)) == [Ping(b"!"), Text("one two")]


def test_half_a_message_keeps_the_decoder() -> None:
    sender, decoder = client(), Decoder(LIMIT)
    frame = bytes(sender.send_data("hello"))
    idle = []
    for data in (frame[:3], frame[3:], bytes(sender.send_data("", fin=False))):
        list(decoder.feed(data))
        idle.append(decoder.between_messages)
    assert idle == [False, True, False]


def test_limits_hold_for_whole_messages() -> None:
    sender, decoder = client(), Decoder(LIMIT)
    data = b"".join(bytes(sender.send_data("x" * 100, fin=False)) for _ in range(30))
    with pytest.raises(MessageTooBig):
        list(decoder.feed(data))


def test_binary_is_refused() -> None:
    with pytest.raises(UnsupportedData):
        list(Decoder(LIMIT).feed(bytes(client().send_data(b"x"))))


def test_a_close_is_told() -> None:
    assert list(Decoder(LIMIT).feed(bytes(client().close(1000, "bye")))) == [Close(1000)]
    assert list(Decoder(LIMIT).feed(bytes(client().close()))) == [Close(1000)]


@given(st.binary(max_size=400))
def test_no_bytes_break_the_decoder(data: bytes) -> None:
    with suppress(UnsupportedData, MessageTooBig, FrameError):
        list(Decoder(LIMIT).feed(data))
