"""Shapes of what owners and administrators manage."""

from marshmallow import Schema, fields
from marshmallow.validate import Length, OneOf, Range

from opbx.identity.audit import Action
from opbx.identity.models import Role, TokenKind
from opbx.identity.schemas import NewDidNumberSchema, NewExtensionSchema, UserSchema, printable
from opbx.moments import MOMENT, Timestamp

#: Days for which an API token may be made.
MAX_TOKEN_DAYS = 365

#: Hours for which a sender key may stay that another one replaces.
MAX_OVERLAP_HOURS = 168


class ManagedUserSchema(UserSchema):
    created_at = Timestamp(required=True, metadata=MOMENT)
    deactivated_at = Timestamp(required=True, allow_none=True, metadata=MOMENT)
    invitation_expires_at = Timestamp(
        required=True, allow_none=True, metadata=MOMENT | {"description": "null: no link is waiting to be used"}
    )


class UsersSchema(Schema):
    data = fields.List(fields.Nested(ManagedUserSchema), required=True)


class LinkSchema(Schema):
    """Shown this once, to be handed on by whoever invites."""

    url = fields.String(required=True, metadata={"description": "the dashboard's page; the token is behind the #"})
    token = fields.String(required=True)
    expires_at = Timestamp(required=True, metadata=MOMENT)


class InvitedSchema(Schema):
    user = fields.Nested(ManagedUserSchema, required=True)
    invitation = fields.Nested(LinkSchema, required=True)


class TokenOwnerSchema(Schema):
    id = fields.String(required=True)
    name = fields.String(required=True)
    email = fields.String(required=True)
    role = fields.Enum(Role, by_value=True, required=True)


class TokenSchema(Schema):
    id = fields.String(required=True)
    kind = fields.Enum(TokenKind, by_value=True, required=True)
    name = fields.String(required=True, metadata={"description": "as given; of a login, the device's User-Agent"})
    created_at = Timestamp(required=True, metadata=MOMENT)
    expires_at = Timestamp(required=True, metadata=MOMENT)
    last_used_at = Timestamp(
        required=True, allow_none=True, metadata=MOMENT | {"description": "to the minute; null: never"}
    )
    user = fields.Nested(TokenOwnerSchema, required=True)
    current = fields.Boolean(required=True, metadata={"description": "the request came with this one"})


class TokensSchema(Schema):
    data = fields.List(fields.Nested(TokenSchema), required=True)


class TokensQuerySchema(Schema):
    all = fields.Boolean(load_default=False, metadata={"description": "of everybody in the organization; owners only"})


class NewTokenSchema(Schema):
    name = fields.String(required=True, validate=[Length(1, 100), printable])
    days = fields.Integer(load_default=90, strict=True, validate=Range(1, MAX_TOKEN_DAYS))


class IssuedTokenSchema(Schema):
    """`access_token` is shown this once."""

    access_token = fields.String(required=True)
    token_type = fields.Constant("Bearer", required=True)
    token = fields.Nested(TokenSchema, required=True)


class AuditQuerySchema(Schema):
    """Filters of the audit log."""

    action = fields.List(fields.Enum(Action, by_value=True), metadata={"description": "may be given several times"})
    user = fields.String(validate=[Length(1, 36), printable], metadata={"description": "id: who did it, or to whom"})
    since = Timestamp(data_key="from", metadata=MOMENT)
    until = Timestamp(data_key="to", metadata=MOMENT)
    limit = fields.Integer(load_default=50, validate=Range(1, 200))
    cursor = fields.String(validate=Length(1, 200), metadata={"description": "`next_cursor` of the page before"})


class AuditEntrySchema(Schema):
    """Without an actor it was the operator, or, at a failed login, nobody known."""

    id = fields.Integer(required=True)
    at = Timestamp(required=True, metadata=MOMENT)
    action = fields.String(required=True, validate=OneOf(list(Action)))
    actor_id = fields.String(required=True, allow_none=True)
    actor = fields.String(required=True, allow_none=True, metadata={"description": "email address, as it was then"})
    subject_id = fields.String(required=True, allow_none=True)
    subject = fields.String(required=True, allow_none=True, metadata={"description": "of a user, token, key, number"})
    details = fields.Dict(keys=fields.String(), required=True)
    address = fields.String(required=True, allow_none=True, metadata={"description": "from which the request came"})


class AuditLogSchema(Schema):
    data = fields.List(fields.Nested(AuditEntrySchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True, metadata={"description": "null on the last page"})


class SenderKeySchema(Schema):
    """What it proves with, and until when; the secrets themselves are not shown again."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    bearer = fields.Boolean(required=True, metadata={"description": "has a key for `Authorization: Bearer`"})
    signing = fields.Boolean(required=True, metadata={"description": "has a secret for `X-Cloudonix-Signature`"})
    allow_unstamped = fields.Boolean(required=True, metadata={"description": "takes signatures without a timestamp"})
    created_at = Timestamp(required=True, metadata=MOMENT)
    ends_at = Timestamp(required=True, allow_none=True, metadata=MOMENT | {"description": "null: it stays"})


class WebhookSchema(Schema):
    name = fields.String(required=True)
    url = fields.String(required=True)


class PointingSchema(Schema):
    """How a sender is pointed here: each webhook's payload names the domain, and the headers prove who sends."""

    domain = fields.String(required=True)
    domain_uuid = fields.String(required=True)
    webhooks = fields.List(fields.Nested(WebhookSchema), required=True)
    headers = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class SenderKeysSchema(Schema):
    data = fields.List(fields.Nested(SenderKeySchema), required=True)
    pointing = fields.Nested(PointingSchema, required=True)


class WantedSenderKeySchema(Schema):
    name = fields.String(required=True, validate=[Length(1, 100), printable])
    bearer = fields.Boolean(load_default=True, metadata={"description": "make a key for `Authorization: Bearer`"})
    signing = fields.Boolean(load_default=True, metadata={"description": "make a secret for signatures"})
    allow_unstamped = fields.Boolean(load_default=False)


class RotationSchema(Schema):
    overlap_hours = fields.Integer(
        load_default=24,
        strict=True,
        validate=Range(0, MAX_OVERLAP_HOURS),
        metadata={"description": "for which the key that is replaced stays good"},
    )


class IssuedSenderKeySchema(Schema):
    """`key` and `signing_secret` are shown this once."""

    key = fields.String(required=True, allow_none=True)
    signing_secret = fields.String(required=True, allow_none=True)
    sender_key = fields.Nested(SenderKeySchema, required=True)


class DidNumberSchema(NewDidNumberSchema):
    id = fields.String(required=True)
    friendly_name = fields.String(required=True, allow_none=True)


class DidNumbersSchema(Schema):
    data = fields.List(fields.Nested(DidNumberSchema), required=True)


class WantedExtensionSchema(NewExtensionSchema):
    user_id = fields.String(load_default=None, allow_none=True, metadata={"description": "who answers it"})


class ExtensionSchema(Schema):
    id = fields.String(required=True)
    number = fields.String(required=True)
    user_id = fields.String(required=True, allow_none=True)
    user_name = fields.Pluck(UserSchema, "name", attribute="user", required=True, allow_none=True)


class ExtensionsSchema(Schema):
    data = fields.List(fields.Nested(ExtensionSchema), required=True)
