"""Cloudonix's call detail record (CDR): always sent, and authoritative for how and when a call ended."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from marshmallow import EXCLUDE, Schema, fields

from opbx.calls.models import CallStatus
from opbx.calls.signal import CallSignal, DetailRecord
from opbx.telephony.fields import (
    CloudonixNumber,
    Identifier,
    Seconds,
    Word,
    milliseconds_since_1970,
    seconds_since_1970,
)
from opbx.telephony.vocabulary import end_reason

DISPOSITIONS = {
    "connected": CallStatus.COMPLETED,
    "answer": CallStatus.COMPLETED,
    "busy": CallStatus.BUSY,
    "cancel": CallStatus.NO_ANSWER,
    "noanswer": CallStatus.NO_ANSWER,
    "failed": CallStatus.FAILED,
    "congestion": CallStatus.FAILED,
}


class SessionSchema(Schema):
    class Meta:
        unknown = EXCLUDE

    token = Identifier(required=True)
    started_at = milliseconds_since_1970(load_default=None, allow_none=True, data_key="callStartTime")
    answered_at = milliseconds_since_1970(load_default=None, allow_none=True, data_key="callAnswerTime")
    ended_at = milliseconds_since_1970(load_default=None, allow_none=True, data_key="callEndTime")


class DetailRecordSchema(Schema):
    """`timestamp` is the call's begin, `duration` counts from there, and `billsec` from the answer."""

    class Meta:
        unknown = EXCLUDE

    session = fields.Nested(SessionSchema, required=True)
    disposition = Word(DISPOSITIONS, required=True)
    timestamp = seconds_since_1970(required=True)
    duration = Seconds(required=True)
    billsec = Seconds(load_default=None, allow_none=True)
    sip_call_id = Identifier(load_default=None, allow_none=True, data_key="call_id")
    from_number = CloudonixNumber(load_default=None, allow_none=True, data_key="from")
    to_number = CloudonixNumber(load_default=None, allow_none=True, data_key="to")


_schema = DetailRecordSchema()


def read(payload: Mapping[str, Any], now: datetime) -> CallSignal:  # noqa: ARG001 - it brings its times
    record = _schema.load(payload)
    session = record["session"]
    status = DISPOSITIONS[record["disposition"]]
    ended_at = session["ended_at"] or record["timestamp"] + timedelta(seconds=record["duration"])
    return CallSignal(
        call_id=session["token"],
        status=status,
        at=ended_at,
        initiated_at=session["started_at"] or record["timestamp"],
        answered_at=session["answered_at"],
        duration=_talk_time(record, status, ended_at),
        reason=end_reason(status, record["disposition"]),
        sip_call_id=record["sip_call_id"],
        from_number=record["from_number"],
        to_number=record["to_number"],
        record=DetailRecord(session_token=session["token"], raw=dict(payload)),
    )


def _talk_time(record: dict[str, Any], status: CallStatus, ended_at: datetime) -> int:
    answered_at: datetime | None = record["session"]["answered_at"]
    if answered_at is not None:
        return max(0, int((ended_at - answered_at).total_seconds()))
    if status is not CallStatus.COMPLETED:
        return 0
    billed: int | None = record["billsec"]
    return billed if billed is not None else record["duration"]
