"""What dashboards are told of a call: that it is there, that it was answered, that it ended."""

from typing import Any, ClassVar

from marshmallow import Schema, fields
from marshmallow.validate import Equal, OneOf

from opbx.broadcasting.events import Event
from opbx.calls.models import Call, CallDirection, CallStatus
from opbx.calls.state import FINAL, Announcement
from opbx.moments import Timestamp


class _CallEventSchema(Schema):
    """On every event, where known: a board must be able to show a call whose first event it missed.

    `did` and `extension` are numbers; `did_id` and `extension_id` are ours, where these are of the organization.
    """

    call_id = fields.String(required=True)
    direction = fields.Enum(CallDirection, by_value=True)
    from_number = fields.String(allow_none=True)
    to_number = fields.String(allow_none=True)
    did = fields.String()
    extension = fields.String()


class CallInitiatedSchema(_CallEventSchema):
    did_id = fields.String(required=True, allow_none=True)
    status = fields.String(required=True, validate=Equal(CallStatus.INITIATED.value))
    initiated_at = Timestamp(required=True)


class CallAnsweredSchema(_CallEventSchema):
    status = fields.String(required=True, validate=Equal(CallStatus.ANSWERED.value))
    answered_at = Timestamp(required=True)
    extension_id = fields.String(required=True, allow_none=True)


class CallEndedSchema(_CallEventSchema):
    status = fields.String(required=True, validate=OneOf(sorted(status.value for status in FINAL)))
    ended_at = Timestamp(required=True)
    duration = fields.Integer(required=True)


class CallEvent(Event):
    """An event of one call, on the live board of its organization."""

    def __init__(self, call: Call) -> None:
        self.call = call

    def channel(self) -> str:
        return organization_channel(self.call.organization_id)

    def payload(self) -> dict[str, Any]:
        facts = ("direction", "from_number", "to_number", "did", "extension")
        known = {name: getattr(self.call, name) for name in facts}
        return {"call_id": self.call.call_id} | {name: value for name, value in known.items() if value is not None}


class CallInitiated(CallEvent):
    """A new call. Its status here is where every call begins, also when the first news was that it rings."""

    name: ClassVar[str] = "call.initiated"
    schema: ClassVar[type[Schema]] = CallInitiatedSchema

    def payload(self) -> dict[str, Any]:
        return super().payload() | {
            "from_number": self.call.from_number,
            "to_number": self.call.to_number,
            "did_id": self.call.did_id,
            "status": CallStatus.INITIATED.value,
            "initiated_at": self.call.initiated_at,
        }


class CallAnswered(CallEvent):
    name: ClassVar[str] = "call.answered"
    schema: ClassVar[type[Schema]] = CallAnsweredSchema

    def payload(self) -> dict[str, Any]:
        return super().payload() | {
            "status": CallStatus.ANSWERED.value,
            "answered_at": self.call.answered_at,
            "extension_id": self.call.extension_id,
        }


class CallEnded(CallEvent):
    name: ClassVar[str] = "call.ended"
    schema: ClassVar[type[Schema]] = CallEndedSchema

    def payload(self) -> dict[str, Any]:
        return super().payload() | {
            "status": self.call.status.value,
            "ended_at": self.call.ended_at,
            "duration": self.call.duration,
        }


EVENTS: dict[Announcement, type[CallEvent]] = {
    Announcement.INITIATED: CallInitiated,
    Announcement.ANSWERED: CallAnswered,
    Announcement.ENDED: CallEnded,
}


def organization_channel(organization_id: str) -> str:
    """The logical channel on which an organization's calls are told."""
    return f"presence.org.{organization_id}"
