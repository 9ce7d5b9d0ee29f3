"""Shapes of calls towards API users."""

from datetime import UTC, datetime, timedelta
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validates_schema
from marshmallow.validate import Length, OneOf, Range

from opbx.calls.models import NUMBER_LENGTH, Call, CallDirection, CallStatus
from opbx.calls.statistics import MAX_DAYS, PERIODS
from opbx.moments import MOMENT, Timestamp, iso

MAX_LIMIT = 200


class TimelineSchema(Schema):
    """One step of a call: `at` is the sender's time, `heard_at` ours."""

    status = fields.String(required=True, validate=OneOf(list(CallStatus)))  # kept as text in the call's row
    step = fields.String(required=True, metadata={"description": "forward, late or correction"})
    at = fields.String(required=True)
    heard_at = fields.String(required=True)


class CallSchema(Schema):
    id = fields.String(required=True)
    call_id = fields.String(required=True, metadata={"description": "the sender's id of the call"})
    sip_call_id = fields.String(required=True, allow_none=True)
    direction = fields.Enum(CallDirection, by_value=True, required=True, allow_none=True)
    from_number = fields.String(required=True, allow_none=True)
    to_number = fields.String(required=True, allow_none=True)
    did_id = fields.String(required=True, allow_none=True)
    did = fields.String(required=True, allow_none=True, metadata={"description": "its number"})
    extension_id = fields.String(required=True, allow_none=True)
    extension = fields.String(required=True, allow_none=True, metadata={"description": "its number"})
    status = fields.Enum(CallStatus, by_value=True, required=True)
    initiated_at = Timestamp(required=True, metadata=MOMENT)
    answered_at = Timestamp(required=True, allow_none=True, metadata=MOMENT)
    ended_at = Timestamp(required=True, allow_none=True, metadata=MOMENT)
    duration = fields.Integer(required=True, metadata={"description": "talk time in whole seconds"})
    end_reason = fields.String(required=True, allow_none=True)


class CallDetailSchema(CallSchema):
    timeline = fields.List(fields.Nested(TimelineSchema), required=True)


def printable(value: str) -> None:
    """No control characters: PostgreSQL cannot store NUL, and nobody can see the others."""
    if not value.isprintable():
        raise ValidationError("Control characters are not allowed.")


class FilterQuerySchema(Schema):
    """Which calls. `status` may be given several times, or several with commas between them."""

    status = fields.List(fields.String())
    direction = fields.Enum(CallDirection, by_value=True)
    number = fields.String(validate=[Length(1, NUMBER_LENGTH), printable], metadata={"description": "of either side"})
    extension = fields.String(validate=[Length(1, NUMBER_LENGTH), printable], metadata={"description": "id or number"})
    did = fields.String(validate=[Length(1, NUMBER_LENGTH), printable], metadata={"description": "id or number"})
    since = Timestamp(data_key="from", metadata=MOMENT)
    until = Timestamp(data_key="to", metadata=MOMENT)

    @post_load
    def split(self, query: dict[str, Any], **_: Any) -> dict[str, Any]:
        names = [name for given in query.get("status", []) for name in given.split(",")]
        try:
            query["status"] = [CallStatus(name) for name in names]
        except ValueError as error:
            raise ValidationError(f"Must be of: {', '.join(CallStatus)}.", "status") from error
        return query


class HistoryQuerySchema(FilterQuerySchema):
    limit = fields.Integer(load_default=50, validate=Range(1, MAX_LIMIT))
    cursor = fields.String(validate=Length(1, 200), metadata={"description": "`next_cursor` of the page before"})


class HistorySchema(Schema):
    data = fields.List(fields.Nested(CallSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True, metadata={"description": "null on the last page"})


#: Ends of a period are between these: there is a day before and after them in every zone.
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class StatisticsQuerySchema(Schema):
    """Either a named period, or both ends of one."""

    period = fields.String(validate=OneOf(sorted(PERIODS)))
    since = Timestamp(data_key="from", metadata=MOMENT)
    until = Timestamp(data_key="to", metadata=MOMENT)

    @validates_schema
    def check(self, query: dict[str, Any], **_: Any) -> None:
        if ("since" in query) != ("until" in query):
            raise ValidationError("Give both ends of the period.", "to" if "since" in query else "from")
        if "since" not in query:
            return
        if "period" in query:
            raise ValidationError("Give either a period or its ends.", "period")
        for name, given in (("since", "from"), ("until", "to")):
            if not EARLIEST <= query[name] <= LATEST:
                raise ValidationError(f"Must be between the years {EARLIEST.year} and {LATEST.year}.", given)
        if not timedelta(0) < query["until"] - query["since"] <= timedelta(days=MAX_DAYS):
            raise ValidationError(f"Must be later than `from`, by {MAX_DAYS} days at most.", "to")


class TotalsSchema(Schema):
    """Calls that began in the period. `answered` counts those that were, whatever became of them."""

    total = fields.Integer(required=True)
    active = fields.Integer(required=True)
    answered = fields.Integer(required=True)
    completed = fields.Integer(required=True)
    busy = fields.Integer(required=True)
    no_answer = fields.Integer(required=True)
    failed = fields.Integer(required=True)


class BucketSchema(Schema):
    """Calls of an hour or a day. `total` counts those that no longer wait: they were answered or missed."""

    start = Timestamp(required=True, metadata=MOMENT | {"description": "of a local hour or day"})
    total = fields.Integer(required=True)
    answered = fields.Integer(required=True)


class HourSchema(Schema):
    """`total` counts the calls that no longer wait."""

    hour = fields.Integer(required=True, metadata={"description": "of the local day, 0 to 23"})
    total = fields.Integer(required=True, metadata={"description": "of all days in the period"})
    answered = fields.Integer(required=True)


class BusySchema(Schema):
    """`total` counts the calls that no longer wait."""

    number = fields.String(required=True)
    name = fields.String(required=True, allow_none=True, metadata={"description": "from the directory"})
    total = fields.Integer(required=True)
    answered = fields.Integer(required=True)
    talk = fields.Integer(required=True, metadata={"description": "seconds in all"})


class StatisticsSchema(Schema):
    """Averages in seconds; null where there is nothing to take them of."""

    since = Timestamp(required=True, data_key="from", attribute="from", metadata=MOMENT)
    until = Timestamp(required=True, data_key="to", attribute="to", metadata=MOMENT)
    timezone = fields.String(required=True)
    totals = fields.Nested(TotalsSchema, required=True)
    answer_rate = fields.Float(
        required=True, allow_none=True, metadata={"description": "answered, of the calls that no longer wait"}
    )
    average_wait = fields.Float(required=True, allow_none=True, metadata={"description": "until the answer"})
    average_talk = fields.Float(required=True, allow_none=True, metadata={"description": "of completed calls"})
    interval = fields.String(required=True, validate=OneOf(["hour", "day"]))
    series = fields.List(fields.Nested(BucketSchema), required=True)
    hours = fields.List(fields.Nested(HourSchema), required=True)
    busiest_numbers = fields.List(fields.Nested(BusySchema), required=True)
    busiest_extensions = fields.List(fields.Nested(BusySchema), required=True)


class ActiveCallsSchema(Schema):
    """The live calls, and the sequence of the organization's channel that they are true at."""

    data = fields.List(fields.Nested(CallSchema), required=True)
    sequence = fields.Integer(required=True)
    server_time = Timestamp(required=True, metadata=MOMENT)


class SequenceSchema(Schema):
    """The last event of the organization's channel, whether or not it has been delivered."""

    sequence = fields.Integer(required=True)
    server_time = Timestamp(required=True, metadata=MOMENT)


def render_call(call: Call) -> dict[str, Any]:
    """`call` as `CallSchema` describes it, without the schema's cost: boards ask for thousands of calls at once."""
    return {
        "id": call.id,
        "call_id": call.call_id,
        "sip_call_id": call.sip_call_id,
        "direction": call.direction,
        "from_number": call.from_number,
        "to_number": call.to_number,
        "did_id": call.did_id,
        "did": call.did,
        "extension_id": call.extension_id,
        "extension": call.extension,
        "status": call.status,
        "initiated_at": iso(call.initiated_at),
        "answered_at": call.answered_at and iso(call.answered_at),
        "ended_at": call.ended_at and iso(call.ended_at),
        "duration": call.duration,
        "end_reason": call.end_reason,
    }
