"""The directory: public numbers and extensions of an organization. The caller commits; errors are typed."""

from opbx.database import AnySession
from opbx.identity.accounts import InvalidFieldsError, add, checked
from opbx.identity.models import DidNumber, Extension, Organization, User
from opbx.identity.schemas import NewDidNumberSchema, NewExtensionSchema


def create_did_number(
    session: AnySession, organization: Organization, *, phone_number: str, friendly_name: str | None = None
) -> DidNumber:
    fields = checked(NewDidNumberSchema(), {"phone_number": phone_number, "friendly_name": friendly_name})
    return add(session, DidNumber(organization_id=organization.id, **fields), "the organization has this number")


def create_extension(
    session: AnySession, organization: Organization, *, number: str, user: User | None = None
) -> Extension:
    fields = checked(NewExtensionSchema(), {"number": number})
    if user is not None and user.organization_id != organization.id:
        raise InvalidFieldsError({"user": ["The user belongs to another organization."]})
    extension = Extension(organization_id=organization.id, user_id=user.id if user else None, **fields)
    return add(session, extension, "the organization has this extension")
