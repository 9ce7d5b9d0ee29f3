"""Idempotency: the first answer to a webhook is kept with its change, and a webhook sent again gets that answer."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from opbx.calls.models import table_of
from opbx.database import AnySession, change_chosen
from opbx.telephony.models import KEY_LENGTH, WebhookReceipt

_receipts = table_of(WebhookReceipt)
_INSERT = {
    "sqlite": sqlite.insert(_receipts).on_conflict_do_nothing().returning(_receipts.c.status_code),
    "postgresql": postgresql.insert(_receipts).on_conflict_do_nothing().returning(_receipts.c.status_code),
}
_FIRST_ANSWER = select(_receipts.c.status_code, _receipts.c.body).where(
    *(_receipts.c[name] == bindparam(name) for name in ("organization_id", "endpoint", "idempotency_key"))
)


@dataclass(frozen=True, kw_only=True)
class ReceiptKey:
    """What makes two webhooks the same one."""

    organization_id: str
    endpoint: str
    idempotency_key: str


@dataclass(frozen=True)
class Answer:
    status_code: int
    body: dict[str, Any]


class AlreadyAnswered(Exception):
    """The webhook was answered before; the transaction is to be rolled back."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status_code)
        self.answer = answer


def idempotency_key(header: str | None, payload: Mapping[str, Any], body: bytes) -> str:
    """The sender's key for the webhook, else the payload's event id, else a digest of the body."""
    for given in (header, payload.get("eventId"), payload.get("event_id")):
        key = str(given).strip() if isinstance(given, str | int) and not isinstance(given, bool) else ""
        if key:
            usable = len(key) <= KEY_LENGTH and key.isprintable()
            return key if usable else "sha256:" + sha256(key.encode()).hexdigest()
    return "sha256:" + sha256(body).hexdigest()


def keep(session: AnySession, key: ReceiptKey, answer: Answer, now: datetime) -> None:
    """Keep `answer` in the open transaction. Raises `AlreadyAnswered` where there is one already.

    PostgreSQL waits here for a concurrent twin to commit or to roll back.
    """
    connection = session.connection()
    values = {
        **asdict(key),
        "status_code": answer.status_code,
        "body": answer.body,
        "created_at": now,
    }
    if connection.execute(_INSERT[connection.dialect.name], values).first() is None:
        raise AlreadyAnswered(_first_answer(connection, key))


def prune(session: AnySession, before: datetime, limit: int) -> int:
    """Remove at most `limit` receipts from before then; return how many. The caller commits."""
    key = tuple_(*_receipts.primary_key)
    old = select(*_receipts.primary_key).where(_receipts.c.created_at < before).limit(limit)
    return change_chosen(session, delete(_receipts).where(key.in_(old)))


def _first_answer(connection: Connection, key: ReceiptKey) -> Answer:
    row = connection.execute(_FIRST_ANSWER, asdict(key)).one()
    return Answer(row.status_code, row.body)
