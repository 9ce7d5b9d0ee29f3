"""Calls as their senders told of them, and the raw detail records that settle how they ended."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Boolean, ForeignKey, Index, Integer, String, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from opbx.database import UtcDateTime, utcnow
from opbx.extensions import Model
from opbx.identity.models import new_id, text_enum

#: Longest call id, session token and SIP Call-ID that is kept.
ID_LENGTH = 255
#: Longest number or SIP user that is kept.
NUMBER_LENGTH = 128
#: Longest reason for an end that is kept.
REASON_LENGTH = 100


class CallStatus(StrEnum):
    """The states of a call; `opbx.calls.state` says how one follows another."""

    INITIATED = "initiated"
    RINGING = "ringing"
    ANSWERED = "answered"
    COMPLETED = "completed"
    BUSY = "busy"
    NO_ANSWER = "no_answer"  # also a caller who gave up
    FAILED = "failed"


class CallDirection(StrEnum):
    INBOUND = "inbound"
    OUTBOUND = "outbound"
    INTERNAL = "internal"


class Call(Model):
    """One call of an organization. `call_id` is the sender's and unique per organization only."""

    __tablename__ = "calls"

    id: Mapped[str] = mapped_column(Uuid(as_uuid=False), primary_key=True, default=new_id)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    call_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    sip_call_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    direction: Mapped[CallDirection | None] = mapped_column(text_enum(CallDirection))
    from_number: Mapped[str | None] = mapped_column(String(NUMBER_LENGTH))
    to_number: Mapped[str | None] = mapped_column(String(NUMBER_LENGTH))
    # The numbers are kept beside the ids: as they were then, and also where the directory knows them not.
    did_id: Mapped[str | None] = mapped_column(ForeignKey("did_numbers.id", ondelete="SET NULL"))
    did: Mapped[str | None] = mapped_column(String(NUMBER_LENGTH))
    extension_id: Mapped[str | None] = mapped_column(ForeignKey("extensions.id", ondelete="SET NULL"))
    extension: Mapped[str | None] = mapped_column(String(NUMBER_LENGTH))
    status: Mapped[CallStatus] = mapped_column(text_enum(CallStatus))
    initiated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    duration: Mapped[int] = mapped_column(Integer, default=0)  # talk time in whole seconds
    end_reason: Mapped[str | None] = mapped_column(String(REASON_LENGTH))
    settled: Mapped[bool] = mapped_column(Boolean, default=False)  # the end is that of the detail record
    last_event_at: Mapped[datetime] = mapped_column(UtcDateTime)  # when we last heard of it, by our clock
    last_told_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # what that was by the sender's clock
    timeline: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)  # transitions and steps back
    timeline_pruned_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # it is kept for less long than the call
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)

    __table_args__ = (
        UniqueConstraint("organization_id", "call_id"),
        Index(None, "organization_id", "initiated_at", "id"),  # history, page by page
        # Live calls only, for the snapshot and the sweep of calls without news. It leaves out what every
        # webhook changes (last_event_at, last_told_at), so that PostgreSQL can update a call without touching an index.
        Index(
            "ix_calls_active",
            "organization_id",
            "initiated_at",
            postgresql_where=text("ended_at IS NULL"),
            sqlite_where=text("ended_at IS NULL"),
        ),
        # What is old is found by these, for a call and for its timeline.
        Index(
            "ix_calls_ended",
            "ended_at",
            postgresql_where=text("ended_at IS NOT NULL"),
            sqlite_where=text("ended_at IS NOT NULL"),
        ),
        Index(
            "ix_calls_timeline",
            "ended_at",
            postgresql_where=text("ended_at IS NOT NULL AND timeline_pruned_at IS NULL"),
            sqlite_where=text("ended_at IS NOT NULL AND timeline_pruned_at IS NULL"),
        ),
    )


class CallDetailRecord(Model):
    """The sender's own record of a finished call, kept as it came and longer than the call. One a session token."""

    __tablename__ = "call_detail_records"
    __table_args__ = (UniqueConstraint("organization_id", "session_token"),)

    id: Mapped[str] = mapped_column(Uuid(as_uuid=False), primary_key=True, default=new_id)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    session_token: Mapped[str] = mapped_column(String(ID_LENGTH))
    call_id: Mapped[str | None] = mapped_column(ForeignKey("calls.id", ondelete="SET NULL"), index=True)
    record: Mapped[dict[str, Any]] = mapped_column(JSON)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
