"""What a channel had: since an offset, for a relay that missed some of it; since an outbox sequence, for a client
that comes back; and the last message, for newcomers of a cache channel."""

from dataclasses import dataclass
from typing import Any

from opbx.backplane.keys import ChannelKeys
from opbx.backplane.records import Record
from opbx.backplane.scripts import CACHED, RESUME, SINCE, Call

#: An epoch that no head ever has: asking for what followed it tells where the head is now.
_NO_EPOCH = "?"


@dataclass(frozen=True, slots=True)
class Since:
    """The records after the asked offset up to `offset`, or None where the history no longer reaches that far."""

    epoch: str
    offset: int
    records: list[Record] | None


@dataclass(frozen=True, slots=True)
class Past:
    """Earlier messages with their offsets, all at or below `offset`; None where they cannot all be given."""

    epoch: str
    offset: int
    records: list[tuple[int, Record]] | None


def since_call(keys: ChannelKeys, epoch: str, offset: int | None) -> Call:
    """The script call that asks for what followed `offset` of `epoch`, or where the head is when that is not known."""
    if offset is None:
        return Call(SINCE, (keys.head, keys.log), (_NO_EPOCH, 0))
    return Call(SINCE, (keys.head, keys.log), (epoch, offset))


def read_since(answer: list[Any]) -> Since:
    epoch, offset, records = answer
    found = None if records is None else [Record.decode(record) for record in records]
    return Since(epoch.decode(), int(offset), found)


def resume_call(keys: ChannelKeys, sequence: int) -> Call:
    """The script call that asks for the outbox events after `sequence`; read its answer with `read_resume`."""
    return Call(RESUME, (keys.head, keys.log), (sequence,))


def read_resume(answer: list[Any]) -> Past:
    epoch, offset, *rest = answer
    if rest == [None]:
        return Past(epoch.decode(), offset, None)
    records = [(rest[i], Record.decode(rest[i + 1])) for i in range(0, len(rest), 2)]
    return Past(epoch.decode(), offset, records)


def cached_call(keys: ChannelKeys) -> Call:
    """The script call that asks for a cache channel's last message; read its answer with `read_cached`."""
    return Call(CACHED, (keys.head, keys.cache), ())


def read_cached(answer: list[Any]) -> Past:
    """`records` is None on a cache miss."""
    epoch, offset, at, record = answer
    return Past(epoch.decode(), offset, None if record is None else [(at, Record.decode(record))])
