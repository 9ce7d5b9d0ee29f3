"""Webhooks out that were given up. Events that were are in the outbox still, with their failure."""

from datetime import datetime

from sqlalchemy import BigInteger, Integer, String, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from opbx.database import UtcDateTime
from opbx.extensions import Model

URL_LENGTH = 2000
REASON_LENGTH = 500


class GivenUpWebhook(Model):
    """One batch, as it was to be sent. `organization_id` where all that it tells of is one organization's."""

    __tablename__ = "given_up_webhooks"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)  # the batch's
    app_id: Mapped[str] = mapped_column(String(200))
    organization_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False), index=True)
    url: Mapped[str] = mapped_column(String(URL_LENGTH))
    body: Mapped[str] = mapped_column(Text)
    time_ms: Mapped[int] = mapped_column(BigInteger)  # when its first event was due
    reason: Mapped[str] = mapped_column(String(REASON_LENGTH))
    attempts: Mapped[int] = mapped_column(Integer)
    failed_at: Mapped[datetime] = mapped_column(UtcDateTime)
