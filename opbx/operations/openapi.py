"""The OpenAPI description at /api/v1/openapi.json, and the page to try it at /api/v1/docs, served from here alone."""

from pathlib import Path

from flask import Blueprint, Response, send_from_directory
from flask_smorest import Api
from marshmallow import Schema, fields
from swagger_ui_bundle import swagger_ui_path

OURS = Path(__file__).parent / "docs"
VENDORED = frozenset({"swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"})

#: Swagger UI draws its icons from data URLs and sets style attributes.
DOCS_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; frame-ancestors 'none'"
)

#: What the description says of the whole.
INFO = {
    "description": "The live side of a multi-tenant phone system. Log in at `/api/v1/auth/login`, and send the "
    "`access_token` as `Authorization: Bearer …` with every other call; telephony senders authenticate with keys and "
    'signatures of their own. Every error has the envelope `{"error": {"code", "message", "details", '
    '"request_id"}}`. Events come over WebSocket in the Pusher protocol; `/broadcasting/auth` signs subscriptions.'
}

blueprint = Blueprint("docs", __name__, url_prefix="/api/v1/docs")


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


def describe(api: EnvelopeApi) -> None:
    """Say how callers authenticate; views that ask for it name the scheme."""
    api.spec.components.security_scheme(
        "bearer", {"type": "http", "scheme": "bearer", "description": "The `access_token` of a login"}
    )
    api.spec.components.security_scheme(
        "session",
        {
            "type": "apiKey", "in": "cookie", "name": "opbx_session",
            "description": "Set at a login by a page of this server; over TLS its name is `__Host-opbx_session`",
        },
    )  # fmt: skip


@blueprint.get("")
def page() -> Response:
    answer = send_from_directory(OURS, "index.html", max_age=0)
    answer.headers["Content-Security-Policy"] = DOCS_POLICY
    return answer


@blueprint.get("/<name>")
def asset(name: str) -> Response:
    """The page's script, and what it needs of Swagger UI, from the package that ships it."""
    folder = str(swagger_ui_path) if name in VENDORED else OURS
    return send_from_directory(folder, name, max_age=3600)
