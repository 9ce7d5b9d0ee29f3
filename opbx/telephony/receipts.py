"""Idempotency: the first answer to a webhook is kept with its change, and a webhook sent again gets that answer."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import bindparam, delete, select, tuple_

from opbx.database import AnySession, change_chosen, table_of
from opbx.pipeline import Statement, Transaction
from opbx.telephony.models import KEY_LENGTH, WebhookReceipt

_receipts = table_of(WebhookReceipt)
_KEY = ("organization_id", "endpoint", "idempotency_key")
_FIRST_ANSWER = Statement(
    select(_receipts.c.status_code, _receipts.c.body).where(*(_receipts.c[name] == bindparam(name) for name in _KEY))
)
_INSERT = Statement(_receipts.insert().values({column.key: bindparam(column.key) for column in _receipts.columns}))


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


class Receipt:
    """The receipt of one webhook, looked for ahead: with the question for its call."""

    def __init__(self, transaction: Transaction, key: ReceiptKey) -> None:
        self._transaction = transaction
        self._key = asdict(key)
        self._first = transaction.send(_FIRST_ANSWER, **self._key)

    def keep(self, answer: Answer, now: datetime) -> None:
        """Keep `answer`. Raises `AlreadyAnswered` where there is one already.

        A twin that has not committed yet is not seen here: PostgreSQL waits for it, and then ends this transaction
        with an `IntegrityError`. Repeated, it finds the twin's answer.
        """
        for first in self._first.rows():
            raise AlreadyAnswered(Answer(first.status_code, first.body))
        self._transaction.send(_INSERT, **self._key, status_code=answer.status_code, body=answer.body, created_at=now)


def prune(session: AnySession, before: datetime, limit: int) -> int:
    """Remove at most `limit` receipts from before then; return how many. The caller commits."""
    key = tuple_(*_receipts.primary_key)
    old = select(*_receipts.primary_key).where(_receipts.c.created_at < before).limit(limit)
    return change_chosen(session, delete(_receipts).where(key.in_(old)))
