"""The outbox: events in the order of their commit, one gapless sequence a channel, and how far each is delivered."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Integer, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from opbx.database import UtcDateTime, utcnow
from opbx.extensions import Model

#: SQLite only counts up by itself in a column of exactly this type.
BigKey = BigInteger().with_variant(Integer, "sqlite")

OWNER_LENGTH = 64


class BroadcastEvent(Model):
    """One event to publish, written in the transaction of the change that it tells of.

    It is delivered when its sequence is at or below the channel's cursor and `failure` is empty.
    """

    __tablename__ = "broadcast_events"
    __table_args__ = (
        Index(None, "channel", "sequence", unique=True),
        Index(
            "ix_broadcast_events_failed",
            "channel",
            postgresql_where=text("failure IS NOT NULL"),
            sqlite_where=text("failure IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    channel: Mapped[str] = mapped_column(String(200))  # logical name, `presence.org.{id}`
    sequence: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(String(200))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    failure: Mapped[str | None] = mapped_column(String(500))  # why it can never be published; clients load anew
    failed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")  # that failed
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow, index=True)


class ChannelHead(Model):
    """The last sequence given out on a channel. Its row lock makes the sequence gapless and the commit order."""

    __tablename__ = "channel_heads"

    channel: Mapped[str] = mapped_column(String(200), primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger)


class ChannelCursor(Model):
    """How far a channel is published, and who is publishing it until when (a lease: a dead deliverer loses it)."""

    __tablename__ = "channel_cursors"

    channel: Mapped[str] = mapped_column(String(200), primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger, default=0)
    lease_owner: Mapped[str | None] = mapped_column(String(OWNER_LENGTH))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
