"""What a channel had since an offset, for a relay that missed some of it."""

from dataclasses import dataclass
from typing import Any

from opbx.backplane.keys import ChannelKeys
from opbx.backplane.records import Record
from opbx.backplane.scripts import SINCE, Call


@dataclass(frozen=True, slots=True)
class Since:
    """The records after the asked offset up to `offset`, or None where the history no longer reaches that far."""

    epoch: str
    offset: int
    records: list[Record] | None


#: An epoch that no head ever has: asking for what followed it tells where the head is now.
_NO_EPOCH = "?"


def since_call(keys: ChannelKeys, epoch: str, offset: int | None) -> Call:
    """The script call that asks for what followed `offset` of `epoch`, or where the head is when that is not known."""
    if offset is None:
        return Call(SINCE, (keys.head, keys.log), (_NO_EPOCH, 0))
    return Call(SINCE, (keys.head, keys.log), (epoch, offset))


def read_since(answer: list[Any]) -> Since:
    epoch, offset, records = answer
    found = None if records is None else [Record.decode(record) for record in records]
    return Since(epoch.decode(), int(offset), found)
