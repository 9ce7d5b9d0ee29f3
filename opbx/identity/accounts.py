"""Creating and switching off what belongs to an organization. The caller commits; errors are typed."""

import re
import secrets
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from marshmallow import Schema, ValidationError
from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError

from opbx.backplane.control import Terminate
from opbx.database import AnySession, utcnow
from opbx.identity import schemas
from opbx.identity.models import (
    DidNumber,
    Extension,
    Organization,
    OrganizationStatus,
    Role,
    SenderKey,
    User,
    UserStatus,
)
from opbx.identity.passwords import hash_password
from opbx.identity.revocation import order_after_commit
from opbx.identity.tokens import digest

Row = TypeVar("Row")


class AccountError(Exception):
    """The change is refused; the message says why."""


class InvalidFieldsError(AccountError):
    """Some fields cannot be used. `fields` maps each to what is wrong with it."""

    def __init__(self, fields: dict[str, list[str]]) -> None:
        super().__init__("; ".join(f"{name}: {' '.join(why)}" for name, why in fields.items()))
        self.fields = fields


class TakenError(AccountError):
    """A value that must be unique is in use."""


class NotFoundError(AccountError):
    """What the change is about does not exist."""


@dataclass(frozen=True, kw_only=True)
class IssuedSenderKey:
    """A new sender key with its secrets, which are shown this once."""

    key: str
    signing_secret: str
    record: SenderKey


def create_organization(
    session: AnySession,
    *,
    name: str,
    domain: str,
    slug: str | None = None,
    timezone: str = "UTC",
    domain_uuid: str | None = None,
) -> Organization:
    """A tenant. The slug is made from the name where none is given."""
    given = {"name": name, "domain": domain, "slug": slug or slugify(name), "timezone": timezone}
    if domain_uuid is not None:
        given["domain_uuid"] = domain_uuid
    fields = _checked(schemas.NewOrganizationSchema(), given)
    return _add(session, Organization(**fields), "an organization with this slug or domain exists")


def create_user(
    session: AnySession, organization: Organization, *, name: str, email: str, password: str, role: str = Role.PBX_USER
) -> User:
    fields = _checked(schemas.NewUserSchema(), {"name": name, "email": email, "password": password, "role": str(role)})
    fields["password_hash"] = hash_password(fields.pop("password"))
    user = User(organization_id=organization.id, **fields)
    return _add(session, user, "a user with this email address exists")


def deactivate_user(session: AnySession, email: str) -> User:
    """Switch a user off: logins and tokens are refused from now on, and open sockets end with the commit."""
    user = find_user(session, email)
    user.status, user.deactivated_at = UserStatus.INACTIVE, utcnow()
    order_after_commit(session, Terminate("user", user.id))
    return user


def activate_user(session: AnySession, email: str) -> User:
    """Let a user in again; tokens that have not expired meanwhile are good again."""
    user = find_user(session, email)
    user.status, user.deactivated_at = UserStatus.ACTIVE, None
    return user


def suspend_organization(session: AnySession, reference: str) -> Organization:
    """Refuse its users and its senders from now on, and end its open sockets with the commit."""
    organization = find_organization(session, reference)
    organization.status, organization.suspended_at = OrganizationStatus.SUSPENDED, utcnow()
    order_after_commit(session, Terminate("organization", organization.id))
    return organization


def activate_organization(session: AnySession, reference: str) -> Organization:
    """Take a suspension back."""
    organization = find_organization(session, reference)
    organization.status, organization.suspended_at = OrganizationStatus.ACTIVE, None
    return organization


def create_sender_key(
    session: AnySession,
    organization: Organization,
    *,
    name: str,
    key: str | None = None,
    signing_secret: str | None = None,
    allow_unstamped: bool = False,
) -> IssuedSenderKey:
    """A key and a signing secret for a telephony sender; random where not given. The key is stored hashed."""
    key = key or secrets.token_urlsafe(32)
    signing_secret = signing_secret or secrets.token_urlsafe(32)
    fields = _checked(
        schemas.NewSenderKeySchema(),
        {"name": name, "key": key, "signing_secret": signing_secret, "allow_unstamped": allow_unstamped},
    )
    fields["key_hash"] = digest(fields.pop("key"))
    record = SenderKey(organization_id=organization.id, **fields)
    session.add(record)
    session.flush()
    return IssuedSenderKey(key=key, signing_secret=signing_secret, record=record)


def revoke_sender_key(session: AnySession, key_id: str) -> SenderKey:
    record: SenderKey | None = session.get(SenderKey, key_id) if is_id(key_id) else None
    if record is None:
        raise NotFoundError(f"no sender key has the id {key_id}")
    record.revoked_at = record.revoked_at or utcnow()
    return record


def create_did_number(
    session: AnySession, organization: Organization, *, phone_number: str, friendly_name: str | None = None
) -> DidNumber:
    fields = _checked(schemas.NewDidNumberSchema(), {"phone_number": phone_number, "friendly_name": friendly_name})
    return _add(session, DidNumber(organization_id=organization.id, **fields), "the organization has this number")


def create_extension(
    session: AnySession, organization: Organization, *, number: str, user: User | None = None
) -> Extension:
    fields = _checked(schemas.NewExtensionSchema(), {"number": number})
    if user is not None and user.organization_id != organization.id:
        raise InvalidFieldsError({"user": ["The user belongs to another organization."]})
    extension = Extension(organization_id=organization.id, user_id=user.id if user else None, **fields)
    return _add(session, extension, "the organization has this extension")


def find_organization(session: AnySession, reference: str) -> Organization:
    """By slug or domain."""
    reference = reference.lower()
    organization: Organization | None = session.scalar(
        select(Organization).where(or_(Organization.slug == reference, Organization.domain == reference))
    )
    if organization is None:
        raise NotFoundError(f"no organization has the slug or domain {reference}")
    return organization


def find_user(session: AnySession, email: str) -> User:
    user: User | None = session.scalar(select(User).where(User.email == email.lower()))
    if user is None:
        raise NotFoundError(f"no user has the email address {email}")
    return user


def is_id(text: str) -> bool:
    """Whether the text has the form of a primary key."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def slugify(name: str) -> str:
    """The name in lower case, with hyphens for all but letters and digits."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63].strip("-")


def _checked(schema: Schema, given: dict[str, Any]) -> dict[str, Any]:
    try:
        fields: dict[str, Any] = schema.load(given)
    except ValidationError as error:
        raise InvalidFieldsError(dict(error.messages_dict)) from error
    return fields


def _add(session: AnySession, row: Row, taken: str) -> Row:
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:
        raise TakenError(taken) from error
    return row
