"""How much of an HTTP/1.1 request is here (RFC 9112, sections 6 and 7.1), told as its bytes come."""

import re
from enum import Enum, auto

#: Bytes that are waited for at most: the longest body that the settings allow, and a head. Longer requests are handed
#: on: the application refuses their length unread.
LONGEST = 131_072 + 32_768

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*0*(\d{1,18})[ \t]*\r\n", re.I)
_ANY_LENGTH = re.compile(rb"\r\ncontent-length[ \t]*:", re.I)
_CHUNK = re.compile(rb"0*([0-9a-fA-F]{1,8})[ \t]*(?:;|$)")
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r\n]*chunked", re.I)
_EXPECTS = re.compile(rb" HTTP/1\.1\r\n(?:[^\r\n]+\r\n)*expect:[ \t]*100-continue[ \t]*\r\n", re.I)


class Extent(Enum):
    """How much of a request is here."""

    PART = auto()
    WHOLE = auto()
    LONG = auto()  #: more than is waited for, or no request at all: whoever reads it will say so


class Framing:
    """One request. What was looked through once is not looked through again."""

    def __init__(self) -> None:
        self.expects_continue = False  #: the sender waits to be told that its body is welcome (RFC 9110, 10.1.1)
        self._body = 0  # where it begins; 0 while the head is not all here
        self._size: int | None = 0  # of the request; None where it comes in chunks
        self._position = 0  # up to where it has been looked through

    def extent(self, data: bytes) -> Extent:
        """How much is here, when `data` is what has come from the request's first byte on."""
        if not self._body and not self._read_head(data):
            return Extent.PART if len(data) < LONGEST else Extent.LONG
        if self._size is None:
            found = self._chunks(data)
            return Extent.LONG if found is Extent.PART and len(data) >= LONGEST else found
        if self._size > LONGEST:
            return Extent.LONG
        return Extent.WHOLE if len(data) >= self._size else Extent.PART

    def _read_head(self, data: bytes) -> bool:
        end = data.find(b"\r\n\r\n", max(0, self._position - 3))
        self._position = len(data)
        if end < 0:
            return False
        head = data[: end + 2]
        self._body = self._position = end + 4
        self.expects_continue = _EXPECTS.search(head) is not None
        if _CHUNKED.search(head):
            self._size = None
        elif length := _LENGTH.search(head):
            self._size = self._body + int(length[1])
        else:  # a length that is none is refused when it is read
            self._size = LONGEST + 1 if _ANY_LENGTH.search(head) else self._body
        return True

    def _chunks(self, data: bytes) -> Extent:
        """How many of the chunks are here, trailers included."""
        while (line_end := data.find(b"\r\n", self._position)) >= 0:
            size = _CHUNK.match(data, self._position, line_end)
            if size is None:
                return Extent.LONG
            length = int(size[1], 16)
            if length == 0:
                ended = data.startswith(b"\r\n", line_end + 2) or data.find(b"\r\n\r\n", line_end) >= 0
                return Extent.WHOLE if ended else Extent.PART
            self._position = line_end + 2 + length + 2
        return Extent.PART
