"""The request of a Cloudonix voice application for a new call. It carries no time: its arrival is the event's."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from marshmallow import EXCLUDE, Schema

from opbx.calls.models import CallDirection, CallStatus
from opbx.calls.signal import CallSignal
from opbx.telephony.fields import CloudonixNumber, Identifier, Word
from opbx.telephony.vocabulary import end_reason

STATUSES = {
    "queued": CallStatus.INITIATED,
    "ringing": CallStatus.RINGING,
    "in-progress": CallStatus.ANSWERED,
    "completed": CallStatus.COMPLETED,
    "busy": CallStatus.BUSY,
    "canceled": CallStatus.NO_ANSWER,
    "failed": CallStatus.FAILED,
    "no-answer": CallStatus.NO_ANSWER,
    "unknown": CallStatus.INITIATED,  # there is a call, and no more is said
}
DIRECTIONS = {
    "inbound": CallDirection.INBOUND,
    "subscriber": CallDirection.OUTBOUND,
    "outbound-api": CallDirection.OUTBOUND,
}


class VoiceRequestSchema(Schema):
    class Meta:
        unknown = EXCLUDE

    call_id = Identifier(required=True, data_key="CallSid")
    from_number = CloudonixNumber(required=True, data_key="From")
    to_number = CloudonixNumber(required=True, data_key="To")
    direction = Word(DIRECTIONS, load_default=None, allow_none=True, data_key="Direction")
    status = Word(STATUSES, required=True, data_key="CallStatus")


_schema = VoiceRequestSchema()


def read(payload: Mapping[str, Any], now: datetime) -> CallSignal:
    request = _schema.load(payload)
    status = STATUSES[request["status"]]
    return CallSignal(
        call_id=request["call_id"],
        status=status,
        at=now,
        reason=end_reason(status, request["status"]),
        direction=DIRECTIONS.get(request["direction"]),
        from_number=request["from_number"],
        to_number=request["to_number"],
    )
