"""Cloudonix's update of a session, ten or more per call. One without a status says nothing that concerns us."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from marshmallow import EXCLUDE, Schema, fields

from opbx.calls.models import ID_LENGTH, REASON_LENGTH, CallDirection, CallStatus
from opbx.calls.signal import CallSignal
from opbx.calls.state import FINAL
from opbx.telephony.fields import CloudonixNumber, Identifier, Moment, Text, Word, milliseconds_since_1970
from opbx.telephony.vocabulary import end_reason

STATUSES = {
    "new": CallStatus.INITIATED,
    "processing": CallStatus.INITIATED,
    "ringing": CallStatus.RINGING,
    "connected": CallStatus.ANSWERED,
    "answer": CallStatus.ANSWERED,  # and final when the end's time is set
    "busy": CallStatus.BUSY,
    "noanswer": CallStatus.NO_ANSWER,
    "cancel": CallStatus.NO_ANSWER,
    "canceled": CallStatus.NO_ANSWER,
    "cancelled": CallStatus.NO_ANSWER,
    "failed": CallStatus.FAILED,
    "error": CallStatus.FAILED,
    "congestion": CallStatus.FAILED,
    "nocredit": CallStatus.FAILED,
}
DIRECTIONS = {
    "incoming": CallDirection.INBOUND,
    "inbound": CallDirection.INBOUND,
    "outgoing": CallDirection.OUTBOUND,
    "outbound": CallDirection.OUTBOUND,
    "outbound-api": CallDirection.OUTBOUND,
    "subscriber": CallDirection.OUTBOUND,
    "application": CallDirection.OUTBOUND,
    "internal": CallDirection.INTERNAL,
}


class SessionUpdateSchema(Schema):
    class Meta:
        unknown = EXCLUDE

    call_id = Identifier(required=True, data_key="token")
    status = Word(STATUSES, load_default=None, allow_none=True)
    direction = Word(DIRECTIONS, load_default=None, allow_none=True)
    from_number = CloudonixNumber(load_default=None, allow_none=True, data_key="callerId")
    to_number = CloudonixNumber(load_default=None, allow_none=True, data_key="destination")
    created_at = Moment(unit=None, load_default=None, allow_none=True, data_key="createdAt")
    modified_at = Moment(unit=None, load_default=None, allow_none=True, data_key="modifiedAt")
    started_at = milliseconds_since_1970(load_default=None, allow_none=True, data_key="callStartTime")
    answered_at = milliseconds_since_1970(load_default=None, allow_none=True, data_key="callAnswerTime")
    ended_at = milliseconds_since_1970(load_default=None, allow_none=True, data_key="callEndTime")
    reason = Text(longest=REASON_LENGTH, load_default=None, allow_none=True)
    profile = fields.Raw(load_default=None, allow_none=True)


_schema = SessionUpdateSchema()


def read(payload: Mapping[str, Any], now: datetime) -> CallSignal | None:
    update = _schema.load(payload)
    word = update["status"]
    if word is None:
        return None
    over = word == "answer" and update["ended_at"] is not None
    status = CallStatus.COMPLETED if over else STATUSES[word]
    return CallSignal(
        call_id=update["call_id"],
        status=status,
        at=_time_of(status, update) or update["modified_at"] or now,
        initiated_at=update["started_at"] or update["created_at"],
        answered_at=update["answered_at"],
        reason=end_reason(status, word, update["reason"]),
        sip_call_id=_sip_call_id(update["profile"]),
        direction=DIRECTIONS.get(update["direction"]),
        from_number=update["from_number"],
        to_number=update["to_number"],
        told_at=update["modified_at"] or now,
    )


def _time_of(status: CallStatus, update: dict[str, Any]) -> datetime | None:
    """When the session came into its status; None where only the update's own time tells."""
    time: datetime | None = None
    if status is CallStatus.INITIATED:
        time = update["started_at"] or update["created_at"]
    elif status is CallStatus.ANSWERED:
        time = update["answered_at"]
    elif status in FINAL:
        time = update["ended_at"]
    return time


def _sip_call_id(profile: Any) -> str | None:
    """The first SIP Call-ID of the session's profile, a bag of which nothing is promised."""
    ids = profile.get("callId") if isinstance(profile, dict) else None
    first = ids[0] if isinstance(ids, list) and ids else None
    if isinstance(first, str) and 0 < len(first) <= ID_LENGTH and first.isprintable():
        return first
    return None
