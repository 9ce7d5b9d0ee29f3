"""Calls as CSV, batch by batch: a whole history takes no more memory than a page of it."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row

from opbx.calls.models import Call
from opbx.moments import iso

#: The columns and their headings; times are in UTC, `duration` is in seconds.
COLUMNS = {
    "id": Call.id,
    "call_id": Call.call_id,
    "direction": Call.direction,
    "from_number": Call.from_number,
    "to_number": Call.to_number,
    "did": Call.did,
    "extension": Call.extension,
    "status": Call.status,
    "initiated_at": Call.initiated_at,
    "answered_at": Call.answered_at,
    "ended_at": Call.ended_at,
    "duration": Call.duration,
    "end_reason": Call.end_reason,
}

#: What a spreadsheet takes for the beginning of a formula, which may send the sheet away or start programs.
_FORMULA = re.compile(r"[=+\-@\t\r]")
_PLAIN_NUMBER = re.compile(r"\+?[0-9]+")


def render(batches: Iterable[Sequence[Row[Any]]]) -> Iterator[str]:
    """The lines of the file (RFC 4180), the headings first, as many at a time as a batch has rows."""
    yield _lines([tuple(COLUMNS)])
    for rows in batches:
        yield _lines([_cells(row) for row in rows])


def _cells(row: Row[Any]) -> tuple[str, ...]:
    return tuple(_cell(value) for value in row[: len(COLUMNS)])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return iso(value)
    text = value.value if isinstance(value, StrEnum) else str(value)
    # numbers are senders' text: a phone number stays readable for programs, anything else is disarmed
    if _FORMULA.match(text) and not _PLAIN_NUMBER.fullmatch(text):
        return "'" + text
    return text


def _lines(rows: Iterable[Sequence[str]]) -> str:
    lines = io.StringIO(newline="")
    csv.writer(lines).writerows(rows)
    return lines.getvalue()
