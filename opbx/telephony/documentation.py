"""How the webhooks appear in the API's description."""

from collections.abc import Callable
from typing import Any, TypeVar

from marshmallow import Schema, fields

from opbx.api import Blueprint

View = TypeVar("View", bound=Callable[..., Any])

_ANSWERS = {
    "204": "The update says nothing of interest",
    "400": "Not one object, or one without a domain",
    "401": "The domain, the key or the signature is wrong",
    "403": "The organization is suspended",
    "413": "The body is too large",
    "415": "The body has another content type",
    "422": "Some fields are not usable; `details` has them by name",
    "429": "Too many webhooks of the organization; try again after `Retry-After` seconds",
    "503": "The database is away; try again after `Retry-After` seconds",
}
_HEADERS = {
    "Authorization": "`Bearer <key>`; this or a signature is needed",
    "X-Cloudonix-Signature": "hex HMAC-SHA256 of timestamp, a dot and the raw body",
    "X-Cloudonix-Timestamp": "seconds since 1970, within 300 of the present",
    "X-Idempotency-Key": "two webhooks with the same key are one",
}


class WebhookAnswerSchema(Schema):
    """`duplicate` says that the webhook was received before, and that this is the answer it got then."""

    call_id = fields.String(required=True)
    status = fields.String(required=True)
    duplicate = fields.Boolean(required=True)


def described(*forms: type[Schema], form: type[Schema] | None = None) -> Callable[[View], View]:
    """Describe a webhook by the schemas of the JSON it takes, and of the form where it takes one."""
    content: dict[str, Any] = {"application/json": {"schema": {"oneOf": list(forms)} if forms[1:] else forms[0]}}
    if form is not None:
        content["application/x-www-form-urlencoded"] = {"schema": form}
    answers: dict[str, Any] = {status: {"description": meaning} for status, meaning in _ANSWERS.items()}
    answers["200"] = {
        "description": "The webhook's change is stored",
        "content": {"application/json": {"schema": WebhookAnswerSchema}},
    }
    headers = [
        {"in": "header", "name": name, "schema": {"type": "string"}, "description": meaning}
        for name, meaning in _HEADERS.items()
        if name != "Authorization"  # OpenAPI wants it described as a security scheme
    ]
    documented: Callable[[View], View] = Blueprint.doc(
        requestBody={"required": True, "content": content},
        responses=answers,
        parameters=headers,
        security=[{"bearer": []}, {}],
    )
    return documented
