"""What the database holds, read by plain SQL."""

from dataclasses import dataclass
from typing import Any

import psycopg

_CALLS = (
    "SELECT call_id, status, answered_at IS NOT NULL, ended_at IS NOT NULL, settled FROM calls WHERE call_id = ANY(%s)"
)
_RECORDS = "SELECT session_token FROM call_detail_records WHERE session_token = ANY(%s)"
_EVENTS = (
    "SELECT channel, sequence, name, payload ->> 'call_id', failure FROM broadcast_events ORDER BY channel, sequence"
)
_HEADS = """
    SELECT h.channel, h.sequence, c.sequence, c.lease_owner IS NOT NULL
    FROM channel_heads h JOIN channel_cursors c ON c.channel = h.channel
"""
_ACTIVE = "SELECT organization_id::text, call_id FROM calls WHERE ended_at IS NULL"


@dataclass(frozen=True)
class StoredCall:
    status: str
    answered: bool
    ended: bool
    settled: bool


@dataclass(frozen=True)
class StoredEvent:
    channel: str
    sequence: int
    name: str
    call_id: str
    failure: str | None


@dataclass(frozen=True)
class Head:
    """The last sequence given out on a channel, and the last one published."""

    sequence: int
    published: int
    leased: bool


@dataclass(frozen=True)
class Outbox:
    """`events` are ordered by channel and sequence."""

    events: list[StoredEvent]
    heads: dict[str, Head]


class Ledger:
    """A database. Every method raises `psycopg.Error` while it is away."""

    def __init__(self, url: str) -> None:
        self._url = url

    def calls(self, ids: list[str]) -> dict[str, list[StoredCall]]:
        """The rows of each call; there should be one."""
        found: dict[str, list[StoredCall]] = {call_id: [] for call_id in ids}
        for call_id, *row in self._rows(_CALLS, ids):
            found[call_id].append(StoredCall(*row))
        return found

    def records(self, ids: list[str]) -> list[str]:
        """The session tokens of the detail records of these calls, each as often as it is there."""
        return [token for (token,) in self._rows(_RECORDS, ids)]

    def outbox(self) -> Outbox:
        """The whole outbox as it is at one moment."""
        with self._connection() as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            events = [StoredEvent(*row) for row in connection.execute(_EVENTS)]
            return Outbox(events, {channel: Head(*row) for channel, *row in connection.execute(_HEADS)})

    def heads(self) -> dict[str, Head]:
        return {channel: Head(*row) for channel, *row in self._rows(_HEADS)}

    def active(self) -> dict[str, set[str]]:
        """By organization, the calls that have not ended."""
        found: dict[str, set[str]] = {}
        for organization_id, call_id in self._rows(_ACTIVE):
            found.setdefault(organization_id, set()).add(call_id)
        return found

    def _rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with self._connection() as connection:
            return connection.execute(statement.encode(), parameters).fetchall()

    def _connection(self) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(self._url, connect_timeout=2, options="-c statement_timeout=5000")
