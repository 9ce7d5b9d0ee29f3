"""WebSocket frames: the server's, encoded once for all subscribers, and the clients', parsed by wsproto."""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import pack

from wsproto.frame_protocol import FrameProtocol, Opcode, ParseFailed

from opbx.pusher.errors import Closing, MessageTooBig, UnsupportedData


def text_frame(payload: bytes) -> bytes:
    """A whole, unmasked text frame (RFC 6455, section 5.2): the same bytes for every receiver."""
    size = len(payload)
    if size < 126:
        return pack(">BB", 0x81, size) + payload
    if size < 65_536:
        return pack(">BBH", 0x81, 126, size) + payload
    return pack(">BBQ", 0x81, 127, size) + payload


def close_frame(code: int, reason: str = "") -> bytes:
    return bytes(FrameProtocol(client=False, extensions=[]).close(code, reason))


def pong_frame(payload: bytes) -> bytes:
    return bytes(FrameProtocol(client=False, extensions=[]).pong(payload))


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Ping:
    payload: bytes


@dataclass(frozen=True, slots=True)
class Pong:
    pass


@dataclass(frozen=True, slots=True)
class Close:
    """The peer closes; `code` is what it said, 1000 where it said nothing."""

    code: int


Incoming = Text | Ping | Pong | Close


class FrameError(Closing):
    """The peer broke the framing rules of RFC 6455; `code` is the one that section 7.4.1 names for it."""

    def __init__(self, problem: ParseFailed) -> None:
        super().__init__(str(problem))
        self.code = int(problem.code)  # type: ignore[misc]  # each instance has its own


class Decoder:
    """Turns a client's bytes into messages, of at most `limit` bytes each, over all their fragments.

    Most connections are silent, and a parser is several objects; so a connection holds one only while a message is
    half received: `between_messages` says when it can be handed on to the next.
    """

    __slots__ = ("_frames", "_limit", "_parts", "_size")

    def __init__(self, limit: int) -> None:
        self._frames = FrameProtocol(client=False, extensions=[])
        self._limit = limit
        self._parts: list[str] = []
        self._size = 0

    def feed(self, data: bytes) -> Iterator[Incoming]:
        """Yield what `data` completes. Raises `Closing` when the connection cannot go on."""
        self._frames.receive_bytes(data)
        try:
            for frame in self._frames.received_frames():
                match frame.opcode, frame.payload:
                    case Opcode.TEXT, str(part):
                        yield from self._text(part, frame.message_finished)
                    case Opcode.PING, bytes() | bytearray():
                        yield Ping(bytes(frame.payload))
                    case Opcode.PONG, _:
                        yield Pong()
                    case Opcode.CLOSE, (code, _):
                        yield Close(1000 if code == 1005 else int(code))
                        return
                    case _:
                        raise UnsupportedData
        except ParseFailed as problem:
            raise FrameError(problem) from problem

    def _text(self, part: str, finished: bool) -> Iterator[Text]:
        self._size += len(part)
        if self._size > self._limit:
            raise MessageTooBig
        if part:
            self._parts.append(part)
        if finished:
            text = "".join(self._parts)
            self._parts.clear()
            self._size = 0
            yield Text(text)

    @property
    def between_messages(self) -> bool:
        # wsproto keeps these to itself; a test watches that they still mean this
        bytes_left, message = self._frames._frame_decoder, self._frames._message_decoder
        return bytes_left.header is None and not bytes_left.buffer and message.opcode is None
