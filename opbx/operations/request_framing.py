"""How much of an HTTP/1.1 request is here (RFC 9112, sections 6 and 7.1), told without taking it."""

import re
from enum import Enum, auto

#: Bytes that are waited for at most. Longer requests are handed on: the application refuses their length unread.
LONGEST = 131_072

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n", re.I)
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;|$)")
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r\n]*chunked", re.I)
_EXPECTS = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*\r\n", re.I)


class Extent(Enum):
    """How much of a request is here."""

    PART = auto()
    WHOLE = auto()
    LONG = auto()  #: more than is waited for, or no request at all: whoever reads it will say so


def extent(data: bytes) -> Extent:
    """How much of its request `data` is, from the request's first byte on."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return Extent.PART if len(data) < LONGEST else Extent.LONG
    head, size = data[: end + 2], end + 4
    if _CHUNKED.search(head):
        found = _chunks(data, size)
        return Extent.LONG if found is Extent.PART and len(data) >= LONGEST else found
    length = _LENGTH.search(head)
    size += int(length[1]) if length else 0
    if size > LONGEST:
        return Extent.LONG
    return Extent.WHOLE if len(data) >= size else Extent.PART


def expects_continue(data: bytes) -> bool:
    """Whether the sender waits to be told that its body is welcome (RFC 9110, section 10.1.1)."""
    end = data.find(b"\r\n\r\n")
    return end >= 0 and _EXPECTS.search(data, 0, end + 2) is not None


def _chunks(data: bytes, position: int) -> Extent:
    """How many of the chunks that begin at `position` are here, trailers included."""
    while (line_end := data.find(b"\r\n", position)) >= 0:
        size = _CHUNK.match(data, position, line_end)
        if size is None:
            return Extent.LONG
        length = int(size[1], 16)
        if length == 0:
            ended = data.startswith(b"\r\n", line_end + 2) or data.find(b"\r\n\r\n", line_end) >= 0
            return Extent.WHOLE if ended else Extent.PART
        position = line_end + 2 + length + 2
    return Extent.PART
