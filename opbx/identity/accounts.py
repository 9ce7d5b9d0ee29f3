"""Organizations and their users, as the operator makes and switches them. The caller commits; errors are typed."""

import re
from typing import Any, TypeVar
from uuid import UUID

from marshmallow import Schema, ValidationError
from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError

from opbx.backplane.control import Terminate
from opbx.database import AnySession, utcnow
from opbx.identity import schemas
from opbx.identity.audit import Action, record, record_about
from opbx.identity.models import Organization, OrganizationStatus, Role, User, UserStatus
from opbx.identity.passwords import hash_password
from opbx.identity.revocation import order_after_commit

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


class NotPermittedError(AccountError):
    """Whoever asks for the change may not make it."""


class ConflictError(AccountError):
    """The change would leave things in a state that must not be."""


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
    fields = checked(schemas.NewOrganizationSchema(), given)
    return add(session, Organization(**fields), "an organization with this slug or domain exists")


def create_user(
    session: AnySession, organization: Organization, *, name: str, email: str, password: str, role: str = Role.PBX_USER
) -> User:
    fields = checked(schemas.NewUserSchema(), {"name": name, "email": email, "password": password, "role": str(role)})
    fields["password_hash"] = hash_password(fields.pop("password"))
    user = User(organization_id=organization.id, **fields)
    add(session, user, "a user with this email address exists")
    record_about(session, Action.USER_CREATED, user, by=None, role=user.role.value)
    return user


def deactivate_user(session: AnySession, email: str) -> User:
    """Switch a user off: logins and tokens are refused from now on, and open sockets end with the commit."""
    user = find_user(session, email)
    user.status, user.deactivated_at = UserStatus.INACTIVE, utcnow()
    order_after_commit(session, Terminate("user", user.id))
    record_about(session, Action.USER_DEACTIVATED, user, by=None)
    return user


def activate_user(session: AnySession, email: str) -> User:
    """Let a user in again; tokens that have not expired meanwhile are good again."""
    user = find_user(session, email)
    user.status, user.deactivated_at = UserStatus.ACTIVE, None
    record_about(session, Action.USER_ACTIVATED, user, by=None)
    return user


def suspend_organization(session: AnySession, reference: str) -> Organization:
    """Refuse its users and its senders from now on, and end its open sockets with the commit."""
    organization = find_organization(session, reference)
    organization.status, organization.suspended_at = OrganizationStatus.SUSPENDED, utcnow()
    order_after_commit(session, Terminate("organization", organization.id))
    record(session, Action.ORGANIZATION_SUSPENDED, organization_id=organization.id)
    return organization


def activate_organization(session: AnySession, reference: str) -> Organization:
    """Take a suspension back."""
    organization = find_organization(session, reference)
    organization.status, organization.suspended_at = OrganizationStatus.ACTIVE, None
    record(session, Action.ORGANIZATION_ACTIVATED, organization_id=organization.id)
    return organization


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


def checked(schema: Schema, given: dict[str, Any]) -> dict[str, Any]:
    """What `schema` makes of `given`. Raises `InvalidFieldsError`."""
    try:
        fields: dict[str, Any] = schema.load(given)
    except ValidationError as error:
        raise InvalidFieldsError(dict(error.messages_dict)) from error
    return fields


def add(session: AnySession, row: Row, taken: str) -> Row:
    """Add a row that must be unique. Raises `TakenError` with the message `taken`."""
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:
        raise TakenError(taken) from error
    return row
