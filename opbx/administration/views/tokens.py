"""/api/v1/tokens: logins of the caller, and the named tokens of their programs; an owner sees everybody's."""

from typing import Any

from flask import Response

from opbx.administration.schemas import (
    IssuedTokenSchema,
    NewTokenSchema,
    TokenSchema,
    TokensQuerySchema,
    TokensSchema,
)
from opbx.api import Blueprint
from opbx.errors import refuse
from opbx.extensions import db
from opbx.identity import audit, tokens
from opbx.identity.accounts import NotFoundError, is_id
from opbx.identity.audit import Action
from opbx.identity.authentication import authenticated, current_token, current_user
from opbx.identity.authorization import refuse_programs
from opbx.identity.changes import change
from opbx.identity.models import ApiToken, Role, TokenKind

DAY = 86_400

blueprint = Blueprint("tokens", __name__, url_prefix="/api/v1/tokens", description="Logins and named API tokens")


@blueprint.route("")
@authenticated
@blueprint.arguments(TokensQuerySchema, location="query")
@blueprint.response(200, TokensSchema)
@blueprint.alt_response(403, description="Only owners see the tokens of others")
def listing(query: dict[str, bool]) -> dict[str, Any]:
    """The usable tokens, newest first."""
    user = current_user()
    if query["all"] and user.role is not Role.OWNER:
        refuse(403, "FORBIDDEN", "Only owners see the tokens of others.")
    found = tokens.list_tokens(
        db.session, organization_id=user.organization_id, user_id=None if query["all"] else user.id
    )
    return {"data": [_shown(token) for token in found]}


@blueprint.route("", methods=["POST"])
@authenticated
@blueprint.arguments(NewTokenSchema)
@blueprint.response(201, IssuedTokenSchema)
@blueprint.alt_response(403, description="The caller came with an API token instead of a login")
def create(wanted: dict[str, Any]) -> dict[str, Any]:
    """Make a token for a program. It may do what the caller may; its secret is shown this once."""
    refuse_programs()
    user = current_user()
    with change():
        issued = tokens.issue(
            db.session, user.id, name=wanted["name"], lifetime=wanted["days"] * DAY, kind=TokenKind.API
        )
        db.session.flush()
        _record(Action.TOKEN_CREATED, issued.record, days=wanted["days"])
    return {"access_token": issued.plain, "token": _shown(issued.record)}


@blueprint.route("/<token_id>", methods=["DELETE"])
@authenticated
@blueprint.response(204)
@blueprint.alt_response(404, description="The caller has no such token; an owner: nobody in the organization has")
def revoke(token_id: str) -> Response:
    """Refuse a token from now on, and end its sockets. Owners may do so to anybody's."""
    user = current_user()
    with change():
        token = tokens.find_token(db.session, user.organization_id, token_id) if is_id(token_id) else None
        if token is None or (token.user_id != user.id and user.role is not Role.OWNER):
            raise NotFoundError("There is no such token.")
        tokens.revoke(db.session, token.id)
        _record(Action.TOKEN_REVOKED, token, of=token.user.email)
    return Response(status=204)


def _record(action: Action, token: ApiToken, **details: Any) -> None:
    user = current_user()
    audit.record(
        db.session,
        action,
        organization_id=user.organization_id,
        actor=user,
        subject_id=token.id,
        subject=token.name,
        kind=token.kind.value,
        **details,
    )


def _shown(token: ApiToken) -> dict[str, Any]:
    fields = TokenSchema().fields.keys() - {"current"}
    return {name: getattr(token, name) for name in fields} | {"current": token.id == current_token().id}
