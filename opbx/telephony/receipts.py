"""Idempotency: the first answer to a webhook is kept with its change, and a webhook sent again gets that answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from opbx.database import AnySession
from opbx.telephony.models import KEY_LENGTH, WebhookReceipt


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
    insert: Any = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    statement = (
        insert(WebhookReceipt)
        .values(
            organization_id=key.organization_id,
            endpoint=key.endpoint,
            idempotency_key=key.idempotency_key,
            status_code=answer.status_code,
            body=answer.body,
            created_at=now,
        )
        .on_conflict_do_nothing()
        .returning(WebhookReceipt.status_code)
    )
    if session.execute(statement).first() is None:
        raise AlreadyAnswered(_first_answer(session, key))


def _first_answer(session: AnySession, key: ReceiptKey) -> Answer:
    query = select(WebhookReceipt.status_code, WebhookReceipt.body).where(
        WebhookReceipt.organization_id == key.organization_id,
        WebhookReceipt.endpoint == key.endpoint,
        WebhookReceipt.idempotency_key == key.idempotency_key,
    )
    row = session.execute(query).one()
    return Answer(row.status_code, row.body)
