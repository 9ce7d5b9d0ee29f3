"""OPBX's own form, for senders of any make: a call begins (`call-initiated`), a call's status (`call-status`)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from marshmallow import EXCLUDE, Schema

from opbx.calls.models import REASON_LENGTH, CallDirection, CallStatus
from opbx.calls.signal import CallSignal
from opbx.telephony.fields import Identifier, Number, Seconds, Text, Word, seconds_since_1970
from opbx.telephony.vocabulary import end_reason

_HANGUP = "hangup"
STATUSES = {
    "initiated": CallStatus.INITIATED,
    "ringing": CallStatus.RINGING,
    "answered": CallStatus.ANSWERED,
    "busy": CallStatus.BUSY,
    "failed": CallStatus.FAILED,
    "no-answer": CallStatus.NO_ANSWER,
    "completed": CallStatus.COMPLETED,
    _HANGUP: CallStatus.COMPLETED,  # for a call that was answered; `CallSignal.hung_up` leaves that to the call
}
_HANGUP_MEANS = {"description": "`hangup` is `completed` for a call that was answered, and `no-answer` for another"}
DIRECTIONS = {direction.value: direction for direction in CallDirection}


class CallStatusSchema(Schema):
    class Meta:
        unknown = EXCLUDE

    call_id = Identifier(required=True)
    status = Word(STATUSES, required=True, metadata=_HANGUP_MEANS)
    timestamp = seconds_since_1970(required=True)
    answer_time = seconds_since_1970(load_default=None, allow_none=True)
    duration = Seconds(load_default=None, allow_none=True)
    direction = Word(DIRECTIONS, load_default=None, allow_none=True)
    from_number = Number(load_default=None, allow_none=True, data_key="from")
    to_number = Number(load_default=None, allow_none=True, data_key="to")
    did = Number(load_default=None, allow_none=True)
    extension = Number(load_default=None, allow_none=True)
    disconnect_reason = Text(longest=REASON_LENGTH, load_default=None, allow_none=True)


class CallInitiatedSchema(CallStatusSchema):
    status = Word(STATUSES, load_default="initiated", metadata=_HANGUP_MEANS)
    from_number = Number(required=True, data_key="from")
    to_number = Number(required=True, data_key="to")


_status_schema = CallStatusSchema()
_initiated_schema = CallInitiatedSchema()


def read_initiated(payload: Mapping[str, Any], now: datetime) -> CallSignal:  # noqa: ARG001 - it brings its time
    return _signal(_initiated_schema.load(payload))


def read_status(payload: Mapping[str, Any], now: datetime) -> CallSignal:  # noqa: ARG001
    return _signal(_status_schema.load(payload))


def _signal(said: dict[str, Any]) -> CallSignal:
    status = STATUSES[said["status"]]
    return CallSignal(
        call_id=said["call_id"],
        status=status,
        at=said["timestamp"],
        answered_at=said["answer_time"],
        duration=said["duration"],
        reason=end_reason(status, said["status"], said["disconnect_reason"]),
        direction=DIRECTIONS.get(said["direction"]),
        from_number=said["from_number"],
        to_number=said["to_number"],
        did=said["did"],
        extension=said["extension"],
        hung_up=said["status"] == _HANGUP,
    )
