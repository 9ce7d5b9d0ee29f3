"""The form in which messages travel over Redis: a record is one message, a batch is what one script published."""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct

import orjson

_LENGTH = Struct(">I")


@dataclass(frozen=True, slots=True)
class Record:
    """One message. `text` is the whole frame's text as every subscriber gets it: it is encoded once, by the publisher.

    `except_socket` is the socket id that must not get it, empty for none. `sequence` is the outbox's number, and
    `committed` when that event was committed (Unix time in milliseconds), `trail` what led to it (`opbx/trail.py`).
    """

    text: bytes
    except_socket: str = ""
    sequence: int | None = None
    committed: int | None = None
    trail: str = ""

    def encode(self) -> bytes:
        sequence = "" if self.sequence is None else self.sequence
        stamp = "" if self.committed is None else f" {self.committed} {self.trail}"
        return f"{self.except_socket} {sequence}{stamp}\n".encode() + self.text

    @classmethod
    def decode(cls, data: bytes) -> "Record":
        head, _, text = data.partition(b"\n")
        except_socket, sequence, *stamp = head.split(b" ", 3)
        if not stamp:
            return cls(text, except_socket.decode(), int(sequence) if sequence else None)
        committed, trail = stamp
        return cls(text, except_socket.decode(), int(sequence), int(committed), trail.decode())


def channel_event(event: str, channel: str, data: str, *, user_id: str | None = None) -> bytes:
    """The text of an event on a channel; `data` is what clients get as its `data`, `user_id` who sent it."""
    message = {"event": event, "channel": channel, "data": data}
    if user_id is not None:
        message["user_id"] = user_id
    return orjson.dumps(message)


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages with consecutive offsets, the first of which is `first`."""

    epoch: str
    first: int
    records: list[Record]

    @classmethod
    def decode(cls, data: bytes) -> "Batch":
        line, _, _ = data.partition(b"\n")
        epoch, first = line.split(b" ")
        return cls(epoch.decode(), int(first), list(_records(data, len(line) + 1)))


def _records(data: bytes, position: int) -> Iterator[Record]:
    while position < len(data):
        (length,) = _LENGTH.unpack_from(data, position)
        position += _LENGTH.size
        yield Record.decode(data[position : position + length])
        position += length
