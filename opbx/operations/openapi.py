"""The OpenAPI description at /api/v1/openapi.json."""

from flask_smorest import Api
from marshmallow import Schema, fields


class ErrorSchema(Schema):
    code = fields.String(required=True, metadata={"description": "stable, for programs"})
    message = fields.String(required=True, metadata={"description": "for people"})
    details = fields.Dict(required=True, metadata={"description": "field errors by name, where there are any"})
    request_id = fields.String(required=True)


class EnvelopeSchema(Schema):
    error = fields.Nested(ErrorSchema, required=True)


class EnvelopeApi(Api):
    """flask-smorest with our error envelope: its own handler would replace ours and drop `Allow` from a 405."""

    ERROR_SCHEMA = EnvelopeSchema

    def _register_error_handlers(self) -> None:
        """Leave errors to `opbx.errors`."""
