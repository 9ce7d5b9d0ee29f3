"""The directory: public numbers and extensions of an organization. The caller commits; errors are typed."""

from collections.abc import Sequence
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from opbx.database import AnySession
from opbx.identity import audit
from opbx.identity.accounts import InvalidFieldsError, NotFoundError, add, checked, is_id
from opbx.identity.audit import Action
from opbx.identity.models import DidNumber, Extension, Organization, User
from opbx.identity.schemas import NewDidNumberSchema, NewExtensionSchema

Number = TypeVar("Number", DidNumber, Extension)


def create_did_number(
    session: AnySession,
    organization: Organization,
    *,
    phone_number: str,
    friendly_name: str | None = None,
    by: User | None = None,
) -> DidNumber:
    fields = checked(NewDidNumberSchema(), {"phone_number": phone_number, "friendly_name": friendly_name})
    did = add(session, DidNumber(organization_id=organization.id, **fields), "the organization has this number")
    _record(session, Action.NUMBER_CREATED, did, by)
    return did


def create_extension(
    session: AnySession, organization: Organization, *, number: str, user: User | None = None, by: User | None = None
) -> Extension:
    fields = checked(NewExtensionSchema(), {"number": number})
    if user is not None and user.organization_id != organization.id:
        raise InvalidFieldsError({"user": ["The user belongs to another organization."]})
    extension = Extension(organization_id=organization.id, user_id=user.id if user else None, **fields)
    add(session, extension, "the organization has this extension")
    _record(session, Action.NUMBER_CREATED, extension, by)
    return extension


def list_did_numbers(session: AnySession, organization_id: str) -> Sequence[DidNumber]:
    """All of an organization, in their order."""
    query = select(DidNumber).where(DidNumber.organization_id == organization_id).order_by(DidNumber.phone_number)
    return session.scalars(query).all()


def list_extensions(session: AnySession, organization_id: str) -> Sequence[Extension]:
    """All of an organization with who answers them, in their order."""
    query = select(Extension).where(Extension.organization_id == organization_id).order_by(Extension.number)
    return session.scalars(query.options(joinedload(Extension.user))).all()


def delete_number(session: AnySession, kind: type[Number], organization_id: str, number_id: str, *, by: User) -> None:
    """Remove a number; calls keep it as text. Raises `NotFoundError`."""
    row = session.get(kind, number_id) if is_id(number_id) else None
    if row is None or row.organization_id != organization_id:
        raise NotFoundError("There is no such number.")
    _record(session, Action.NUMBER_DELETED, row, by)
    session.delete(row)


def _record(session: AnySession, action: Action, row: DidNumber | Extension, by: User | None) -> None:
    audit.record(
        session,
        action,
        organization_id=row.organization_id,
        actor=by,
        subject_id=row.id,
        subject=row.phone_number if isinstance(row, DidNumber) else row.number,
    )
