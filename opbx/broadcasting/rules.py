"""Who may listen where: every channel of the product, one function each."""

from uuid import UUID

from sqlalchemy import select

from opbx.broadcasting.channels import Verdict, channel
from opbx.extensions import db
from opbx.identity.models import Extension, User
from opbx.pusher.channels import Kind


@channel("presence.org.{organization_id}", kind=Kind.PRESENCE)
def organization(user: User, organization_id: str) -> Verdict:
    """The live board of an organization, and who looks at it: its users, whatever their role."""
    if user.organization_id != organization_id:
        return None
    return {"id": user.id, "name": user.name, "email": user.email, "role": user.role.value}


@channel("user.{user_id}", kind=Kind.PRIVATE)
def own(user: User, user_id: str) -> Verdict:
    """What concerns one user alone."""
    return user.id == user_id


@channel("extension.{extension_id}", kind=Kind.PRIVATE)
def extension(user: User, extension_id: str) -> Verdict:
    """One extension, by its id; its number is not unique over the organizations, and not accepted."""
    if not _canonical(extension_id):
        return None
    owner = db.session.scalar(select(Extension.organization_id).where(Extension.id == extension_id))
    return owner == user.organization_id


def _canonical(text: str) -> bool:
    # any other spelling of the UUID would be another channel on the wire
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
