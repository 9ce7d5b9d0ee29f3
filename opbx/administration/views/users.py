"""/api/v1/users: the people of the caller's organization."""

from collections.abc import Sequence
from typing import Any

from flask import request

from opbx.administration.schemas import InvitedSchema, ManagedUserSchema, UsersSchema
from opbx.api import Blueprint
from opbx.extensions import db
from opbx.identity import users
from opbx.identity.accounts import NotFoundError
from opbx.identity.authentication import current_user
from opbx.identity.authorization import MANAGERS, refuse_programs, restricted
from opbx.identity.changes import answer, change
from opbx.identity.invitations import Invitation
from opbx.identity.models import User
from opbx.identity.schemas import InvitedUserSchema, UserChangeSchema

#: The dashboard's page where an invitation is accepted. What follows the `#` stays in the browser, out of all logs.
INVITATION_PAGE = "invitation"

blueprint = Blueprint("users", __name__, url_prefix="/api/v1/users", description="The people of the organization")

_NO_USER = "The organization has no such user"
_CONFLICT = "It would leave the organization without an owner, or the user is deactivated"


@blueprint.route("")
@restricted(MANAGERS)
@blueprint.response(200, UsersSchema)
def listing() -> dict[str, Sequence[User]]:
    """All users, by name."""
    return {"data": users.list_users(db.session, current_user().organization_id)}


@blueprint.route("", methods=["POST"])
@restricted(MANAGERS)
@blueprint.arguments(InvitedUserSchema)
@blueprint.response(201, InvitedSchema)
@blueprint.alt_response(409, description="A user with this email address exists")
def invite(wanted: dict[str, Any]) -> dict[str, Any]:
    """Add a user, and get the link by which they choose their password; it is shown this once.

    Only owners add owners. It takes a login: an API token that leaked must not make itself a user.
    """
    refuse_programs()
    with change():
        invitation = users.invite(db.session, current_user(), **wanted)
    return _invited(invitation)


@blueprint.route("/<user_id>")
@restricted(MANAGERS)
@blueprint.response(200, ManagedUserSchema)
@blueprint.alt_response(404, description=_NO_USER)
def one(user_id: str) -> User:
    """One user."""
    try:
        return users.get_user(db.session, current_user().organization_id, user_id)
    except NotFoundError as error:
        raise answer(error) from error


@blueprint.route("/<user_id>", methods=["PATCH"])
@restricted(MANAGERS)
@blueprint.arguments(UserChangeSchema)
@blueprint.response(200, ManagedUserSchema)
@blueprint.alt_response(404, description=_NO_USER)
@blueprint.alt_response(409, description=_CONFLICT)
def edit(wanted: dict[str, Any], user_id: str) -> User:
    """Give a user another name or role. Only owners make or change owners."""
    if "role" in wanted:
        refuse_programs()
    with change():
        return users.change(db.session, current_user(), user_id, **wanted)


@blueprint.route("/<user_id>/invitation", methods=["POST"])
@restricted(MANAGERS)
@blueprint.response(201, InvitedSchema)
@blueprint.alt_response(404, description=_NO_USER)
@blueprint.alt_response(409, description=_CONFLICT)
def invite_again(user_id: str) -> dict[str, Any]:
    """Another link in place of an earlier one; who has forgotten the password gets in again by it."""
    refuse_programs()
    with change():
        invitation = users.invite_again(db.session, current_user(), user_id)
    return _invited(invitation)


@blueprint.route("/<user_id>/deactivate", methods=["POST"])
@restricted(MANAGERS)
@blueprint.response(200, ManagedUserSchema)
@blueprint.alt_response(404, description=_NO_USER)
@blueprint.alt_response(409, description=_CONFLICT)
def deactivate(user_id: str) -> User:
    """Refuse the user's logins and tokens from now on, and end their open sockets."""
    with change():
        return users.deactivate(db.session, current_user(), user_id)


@blueprint.route("/<user_id>/activate", methods=["POST"])
@restricted(MANAGERS)
@blueprint.response(200, ManagedUserSchema)
@blueprint.alt_response(404, description=_NO_USER)
def activate(user_id: str) -> User:
    """Let a deactivated user in again."""
    with change():
        return users.activate(db.session, current_user(), user_id)


def _invited(invitation: Invitation) -> dict[str, Any]:
    link = {
        "url": f"{request.host_url}{INVITATION_PAGE}#{invitation.plain}",
        "token": invitation.plain,
        "expires_at": invitation.user.invitation_expires_at,
    }
    return {"user": invitation.user, "invitation": link}
