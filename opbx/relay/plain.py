"""Plain requests: read from the bytes of their head in one go, where nothing about them needs interpreting.

Nearly all requests are plain: a GET or POST of HTTP/1.1, each header once and of visible ASCII, a body of stated
length or none. Whatever is not is left to gunicorn, which knows all of RFC 9112 and takes several times as long.
"""

import re
from dataclasses import dataclass

#: Bytes of a head at most; a longer one is not plain.
MAX_HEAD = 8192

#: Bytes of a body at most.
MAX_BODY = 1_048_576

# A request line of printable ASCII, without a fragment; then headers, none of them folded.
_HEAD = re.compile(r"(GET|POST) (/[!\"$-~]*) HTTP/1\.1((?:\r\n[A-Za-z0-9-]+:[\t -~]*)*)")
_LENGTH = re.compile(r"[0-9]{1,8}")

#: Headers that change how the message is read, or what is to be answered before it is.
_UNUSUAL = frozenset({"TRANSFER-ENCODING", "TRAILER", "EXPECT", "HTTP2-SETTINGS"})


@dataclass(frozen=True, slots=True)
class Head:
    """A plain request's head: `size` bytes, then `length` bytes of body. `headers` by upper-case name."""

    method: str
    target: str
    headers: dict[str, str]
    size: int
    length: int

    @property
    def closes(self) -> bool:
        """Whether the client wants no further request on this connection."""
        return "close" in (option.strip().lower() for option in self.headers.get("CONNECTION", "").split(","))


def read_head(data: bytes) -> Head | None:
    """The head at the front of `data`, or None where it is not all there or not plain."""
    end = data.find(b"\r\n\r\n", 0, MAX_HEAD)
    if end < 0:
        return None
    head = _HEAD.fullmatch(data[:end].decode("latin-1"))
    if head is None:
        return None
    method, target, lines = head.groups()
    headers: dict[str, str] = {}
    for line in lines.split("\r\n")[1:]:
        name, _, value = line.partition(":")
        headers[name.upper()] = value.strip(" \t")
    if len(headers) != lines.count("\r\n"):
        return None  # one was given twice
    length = headers.get("CONTENT-LENGTH", "0")
    if not _UNUSUAL.isdisjoint(headers) or "HOST" not in headers:
        return None
    if not _LENGTH.fullmatch(length) or int(length) > MAX_BODY:
        return None
    return Head(method, target, headers, end + 4, int(length))
