"""Keeps the raw detail record of a call: one a session, the one that the call's end was taken from."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from opbx.calls.models import Call, CallDetailRecord, table_of
from opbx.calls.signal import DetailRecord
from opbx.calls.state import Step
from opbx.identity.models import new_id

_records = table_of(CallDetailRecord)
_KEY = ("organization_id", "session_token")
_REPLACED = ("call_id", "record", "received_at")


def _statements(insert: Any) -> tuple[Any, Any]:
    """The INSERT that gives way to an earlier record, and the one that takes its place."""
    statement = insert(_records)
    newer = {name: statement.excluded[name] for name in _REPLACED}
    return statement.on_conflict_do_nothing(), statement.on_conflict_do_update(index_elements=_KEY, set_=newer)


_INSERT = {"sqlite": _statements(sqlite.insert), "postgresql": _statements(postgresql.insert)}


def keep_record(connection: Connection, call: Call, record: DetailRecord, step: Step, now: datetime) -> None:
    """Keep `record`, in place of an earlier one where `step` says that the call's end is now its."""
    give_way, replace = _INSERT[connection.dialect.name]
    connection.execute(
        replace if step in {Step.FORWARD, Step.CORRECTION} else give_way,
        {
            "id": new_id(),
            "organization_id": call.organization_id,
            "session_token": record.session_token,
            "call_id": call.id,
            "record": record.raw,
            "received_at": now,
        },
    )
