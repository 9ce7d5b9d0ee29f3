"""Shapes of what owners and administrators manage."""

from marshmallow import Schema, fields
from marshmallow.validate import Length, Range

from opbx.identity.models import Role, TokenKind
from opbx.identity.schemas import UserSchema, printable
from opbx.moments import MOMENT, Timestamp

#: Days for which an API token may be made.
MAX_TOKEN_DAYS = 365


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
