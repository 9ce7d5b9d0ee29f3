"""How apps and webhooks are written down: field by field checked, in the spellings of this product and of others."""

import re
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, post_load, pre_load
from marshmallow.validate import Length, NoneOf, OneOf, Range, Regexp

from opbx.apps.app import WEBHOOK_EVENTS, App, Webhook

# Ids and keys stand in URLs, and in the names of Redis' keys between `{` and `:`.
NAME: Final = re.compile(r"[A-Za-z0-9_.\-]+\Z")
NAME_RULE: Final = "May have letters, digits, '_', '-' and '.' only."
ORIGIN: Final = re.compile(r"(\*|null|[a-z][a-z0-9+.\-]*://[^/\s]+)\Z")
ORIGIN_RULE: Final = "Must be '*', or an origin such as https://example.org."
_URL: Final = re.compile(r"https?://[^/?#\s]+\S*\Z")
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~\-]+\Z")
_HEADER_VALUE: Final = re.compile(r"[\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?\Z")

#: Spellings of Soketi and Reverb that are not just ours in camelCase.
_SPELLINGS: Final = {
    "app_id": "id",
    "app_key": "key",
    "app_secret": "secret",
    "enable_client_messages": "client_events",
    "enable_subscription_count": "subscription_count",
    "max_backend_events_per_sec": "max_backend_events_per_second",
    "max_client_events_per_sec": "max_client_events_per_second",
    "max_read_req_per_sec": "max_read_requests_per_second",
    "max_presence_members_per_channel": "max_presence_members",
    "max_message_size": "max_payload",
    "event_types": "events",
}


class _Spelled(Schema):
    """Takes fields in snake_case and camelCase, and in the spellings of others. Unknown ones are refused."""

    @pre_load
    def _respell(self, content: Any, **_: Any) -> Any:
        if not isinstance(content, dict):
            return content
        respelled: dict[str, Any] = {}
        for given, value in content.items():
            snake = re.sub(r"(?<=[a-z])([A-Z])", r"_\1", given).lower()
            known = _SPELLINGS.get(snake, snake)
            name = known if known in self.fields else given
            if name in respelled:
                raise ValidationError("Given twice, in two spellings.", name)
            respelled[name] = value
        return respelled


def _flag() -> fields.Boolean:
    return fields.Boolean(truthy={True}, falsy={False})


def _limit() -> fields.Integer:
    rule = "Must be a whole number above 0, or -1 for no limit."
    return fields.Integer(
        strict=True, error_messages={"invalid": rule}, validate=[Range(-1, error=rule), NoneOf([0], error=rule)]
    )


class FilterSchema(_Spelled):
    """Which channels a webhook is about, as Soketi writes it."""

    channel_name_starts_with = fields.String()
    channel_name_ends_with = fields.String()


class WebhookSchema(_Spelled):
    """One webhook of an app."""

    url = fields.String(required=True, validate=Regexp(_URL, error="Must be an http or https URL."))
    events = fields.List(fields.String(validate=OneOf(WEBHOOK_EVENTS)))
    channel_prefix = fields.String()
    channel_suffix = fields.String()
    filter = fields.Nested(FilterSchema)
    headers = fields.Dict(
        keys=fields.String(validate=Regexp(_HEADER, error="Not a header's name.")),
        values=fields.String(validate=Regexp(_HEADER_VALUE, error="Not a header's value.")),
    )

    @post_load
    def _webhook(self, found: dict[str, Any], **_: Any) -> Webhook:
        channels = found.get("filter", {})
        return Webhook(
            url=found["url"],
            events=frozenset(found.get("events", ())),
            channel_prefix=found.get("channel_prefix", channels.get("channel_name_starts_with", "")),
            channel_suffix=found.get("channel_suffix", channels.get("channel_name_ends_with", "")),
            headers=tuple(found.get("headers", {}).items()),
        )


class AppSchema(_Spelled):
    """One app of the file."""

    id = fields.String(required=True, validate=Regexp(NAME, error=NAME_RULE))
    key = fields.String(required=True, validate=Regexp(NAME, error=NAME_RULE))
    secret = fields.String(required=True, validate=Length(min=1))
    previous_secrets = fields.List(fields.String(validate=Length(min=1)))
    enabled = _flag()
    allowed_origins = fields.List(fields.String(validate=Regexp(ORIGIN, error=ORIGIN_RULE)))
    client_events = _flag()
    subscription_count = _flag()
    max_connections = _limit()
    max_backend_events_per_second = _limit()
    max_client_events_per_second = _limit()
    max_read_requests_per_second = _limit()
    max_payload = fields.Integer(strict=True, validate=Range(min=1))
    max_event_payload_in_kb = fields.Float(validate=Range(min=0, min_inclusive=False))
    max_presence_members = _limit()
    webhooks = fields.List(fields.Nested(WebhookSchema))

    @post_load
    def _app(self, found: dict[str, Any], **_: Any) -> App:
        kilobytes = found.pop("max_event_payload_in_kb", None)
        if kilobytes is not None:
            found.setdefault("max_payload", int(kilobytes * 1024))
        for name in ("allowed_origins", "previous_secrets", "webhooks"):
            found[name] = tuple(found.get(name, ()))
        return App(**found)
