"""Shapes of dead letters in the API."""

from marshmallow import Schema, fields
from marshmallow.validate import Range

from opbx.dead_letters.letters import EVENT, WEBHOOK
from opbx.moments import MOMENT, Timestamp


class LetterSchema(Schema):
    id = fields.String(required=True)
    kind = fields.String(required=True, metadata={"enum": [EVENT, WEBHOOK]})
    target = fields.String(required=True, metadata={"description": "the event's channel, or the webhook's URL"})
    name = fields.String(required=True, allow_none=True, metadata={"description": "of the event"})
    content = fields.Raw(required=True, metadata={"type": "object", "description": "the payload, or the body"})
    reason = fields.String(required=True)
    attempts = fields.Integer(required=True)
    created_at = Timestamp(required=True, metadata=MOMENT)
    failed_at = Timestamp(required=True, metadata=MOMENT)


class LettersSchema(Schema):
    data = fields.List(fields.Nested(LetterSchema), required=True)


class LettersQuerySchema(Schema):
    limit = fields.Integer(load_default=100, validate=Range(1, 500))
