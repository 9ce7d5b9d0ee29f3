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


def keep_record(connection: Connection, call: Call, record: DetailRecord, step: Step, now: datetime) -> None:
    """Keep `record`, in place of an earlier one where `step` says that the call's end is now its."""
    insert: Any = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = insert(_records).values(
        id=new_id(),
        organization_id=call.organization_id,
        session_token=record.session_token,
        call_id=call.id,
        record=record.raw,
        received_at=now,
    )
    if step in {Step.FORWARD, Step.CORRECTION}:
        newer = {name: statement.excluded[name] for name in ("call_id", "record", "received_at")}
        connection.execute(statement.on_conflict_do_update(index_elements=_KEY, set_=newer))
    else:
        connection.execute(statement.on_conflict_do_nothing())
