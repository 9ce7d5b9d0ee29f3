"""What was answered to a webhook, so that the same webhook sent again changes nothing and gets the same answer."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from opbx.database import UtcDateTime, utcnow
from opbx.extensions import Model

#: Longest idempotency key that is kept as it came; longer ones are kept as their digest.
KEY_LENGTH = 128


class WebhookReceipt(Model):
    """The first answer to a webhook, written in the transaction of the change that it confirms."""

    __tablename__ = "webhook_receipts"

    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True)
    endpoint: Mapped[str] = mapped_column(String(40), primary_key=True)
    idempotency_key: Mapped[str] = mapped_column(String(KEY_LENGTH), primary_key=True)
    status_code: Mapped[int] = mapped_column(SmallInteger)
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow, index=True)
