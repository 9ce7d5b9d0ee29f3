"""The form in which messages travel over Redis: a record is one message, a batch is what one script published."""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct

import orjson

_LENGTH = Struct(">I")


@dataclass(frozen=True, slots=True)
class Record:
    """One message. `text` is the whole frame's text as every subscriber gets it: it is encoded once, by the publisher.

    `except_socket` is the socket id that must not get it, empty for none.
    """

    text: bytes
    except_socket: str = ""

    def encode(self) -> bytes:
        return self.except_socket.encode() + b"\n" + self.text

    @classmethod
    def decode(cls, data: bytes) -> "Record":
        except_socket, _, text = data.partition(b"\n")
        return cls(text, except_socket.decode())


def channel_event(event: str, channel: str, data: str, except_socket: str = "") -> Record:
    """The record of an event on a channel; `data` is the text that clients get as the event's `data`."""
    return Record(orjson.dumps({"event": event, "channel": channel, "data": data}), except_socket)


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
