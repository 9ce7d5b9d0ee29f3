"""Shapes of identity: what login takes and gives, and what new records must look like."""

import re
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from marshmallow import EXCLUDE, Schema, ValidationError, fields, pre_load
from marshmallow.validate import Email, Length, Regexp

from opbx.identity.models import OrganizationStatus, Role, UserStatus

MIN_PASSWORD = 8
MAX_PASSWORD = 1024

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"


def printable(value: str) -> None:
    """No control characters: PostgreSQL cannot store NUL, and nobody can see the others."""
    if any(ord(character) < 32 or ord(character) == 127 for character in value):
        raise ValidationError("Control characters are not allowed.")


def timezone(value: str) -> None:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValidationError("Not the name of a time zone.") from error


def _name(longest: int) -> fields.String:
    return fields.String(required=True, validate=[Length(1, longest), printable])


def new_password() -> fields.String:
    return fields.String(required=True, validate=Length(MIN_PASSWORD, MAX_PASSWORD), load_only=True)


class LoginSchema(Schema):
    """Unknown fields are let through: stock clients send `remember` and the like."""

    class Meta:
        unknown = EXCLUDE

    email = fields.String(required=True, validate=[Length(1, 254), printable])
    password = fields.String(required=True, validate=Length(1, MAX_PASSWORD), load_only=True)


class OrganizationSchema(Schema):
    id = fields.String(required=True)
    name = fields.String(required=True)
    slug = fields.String(required=True)
    status = fields.Enum(OrganizationStatus, by_value=True, required=True)
    timezone = fields.String(required=True)


class UserSchema(Schema):
    id = fields.String(required=True)
    organization_id = fields.String(required=True)
    name = fields.String(required=True)
    email = fields.String(required=True)
    role = fields.Enum(Role, by_value=True, required=True)
    status = fields.Enum(UserStatus, by_value=True, required=True)


class MeSchema(UserSchema):
    organization = fields.Nested(OrganizationSchema, required=True)
    expires_in = fields.Integer(required=True, metadata={"description": "seconds until the token expires"})


class NewPasswordSchema(Schema):
    current_password = fields.String(required=True, validate=Length(1, MAX_PASSWORD), load_only=True)
    new_password = new_password()


class InvitationSchema(Schema):
    """The part of the link behind the `#`."""

    token = fields.String(required=True, validate=[Length(1, 100), printable], load_only=True)


class AcceptSchema(InvitationSchema):
    password = new_password()


class InviteeSchema(Schema):
    """Whom an invitation is for."""

    name = fields.String(required=True)
    email = fields.String(required=True)
    organization = fields.Pluck("OrganizationSchema", "name", required=True)


class LoginAnswerSchema(Schema):
    access_token = fields.String(
        required=True, allow_none=True, metadata={"description": "null where it is in a cookie alone"}
    )
    token_type = fields.Constant("Bearer", required=True)
    expires_in = fields.Integer(required=True, metadata={"description": "seconds"})
    user = fields.Nested(UserSchema, required=True)


class NewOrganizationSchema(Schema):
    name = _name(200)
    slug = fields.String(required=True, validate=Regexp(rf"{_LABEL}\Z", error="Use a-z, 0-9 and hyphens."))
    timezone = fields.String(required=True, validate=timezone)
    domain = fields.String(
        required=True,
        validate=[Length(1, 253), Regexp(rf"{_LABEL}(?:\.{_LABEL})*\Z", error="Not a domain name.")],
    )
    domain_uuid = fields.String(validate=[Length(1, 64), Regexp(r"[0-9a-z-]+\Z", error="Not a UUID.")])

    @pre_load
    def lower(self, given: Any, **_: Any) -> Any:
        return _lowered(given, "domain", "domain_uuid")


class InvitedUserSchema(Schema):
    name = _name(200)
    email = fields.String(required=True, validate=[Email(), Length(1, 254), printable])
    role = fields.Enum(Role, by_value=True, required=True)

    @pre_load
    def lower(self, given: Any, **_: Any) -> Any:
        return _lowered(given, "email")


class NewUserSchema(InvitedUserSchema):
    password = new_password()


class UserChangeSchema(Schema):
    """What is left out stays."""

    name = fields.String(validate=[Length(1, 200), printable])
    role = fields.Enum(Role, by_value=True)


class NewSenderKeySchema(Schema):
    name = _name(100)
    key = fields.String(validate=[Length(8, 255), printable])
    signing_secret = fields.String(validate=[Length(8, 255), printable])
    allow_unstamped = fields.Boolean(required=True)


class NewDidNumberSchema(Schema):
    phone_number = fields.String(
        required=True, validate=Regexp(r"\+[1-9][0-9]{1,14}\Z", error="Use the E.164 form, +15551234567.")
    )
    friendly_name = fields.String(allow_none=True, validate=[Length(1, 200), printable])


class NewExtensionSchema(Schema):
    number = fields.String(
        required=True, validate=Regexp(r"[A-Za-z0-9_.-]{1,32}\Z", flags=re.ASCII, error="Use digits, such as 101.")
    )


def _lowered(given: Any, *names: str) -> Any:
    if not isinstance(given, dict):
        return given  # the schema says what is wrong
    return {key: value.lower() if key in names and isinstance(value, str) else value for key, value in given.items()}
