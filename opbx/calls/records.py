"""Keeps the raw detail record of a call: one a session, the one that the call's end was taken from."""

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam
from sqlalchemy.dialects import postgresql, sqlite

from opbx.calls.models import Call, CallDetailRecord
from opbx.calls.signal import DetailRecord
from opbx.calls.state import Step
from opbx.database import table_of
from opbx.identity.models import new_id
from opbx.pipeline import Statement, Transaction

_records = table_of(CallDetailRecord)
_KEY = ("organization_id", "session_token")
_REPLACED = ("call_id", "record", "received_at")


def _insert(dialect: Any, *, replacing: bool) -> Any:
    statement = dialect.insert(_records).values({column.key: bindparam(column.key) for column in _records.columns})
    if not replacing:
        return statement.on_conflict_do_nothing()
    newer = {name: statement.excluded[name] for name in _REPLACED}
    return statement.on_conflict_do_update(index_elements=_KEY, set_=newer)


_GIVE_WAY, _REPLACE = (
    Statement({dialect.dialect.name: _insert(dialect, replacing=replacing) for dialect in (sqlite, postgresql)})
    for replacing in (False, True)
)


def keep_record(transaction: Transaction, call: Call, record: DetailRecord, step: Step, now: datetime) -> None:
    """Keep `record`, in place of an earlier one where `step` says that the call's end is now its."""
    transaction.send(
        _REPLACE if step in {Step.FORWARD, Step.CORRECTION} else _GIVE_WAY,
        id=new_id(),
        organization_id=call.organization_id,
        session_token=record.session_token,
        call_id=call.id,
        record=record.raw,
        received_at=now,
    )
