"""/api/v1/auth: logging in and out, a fresh token, and who one is."""

from typing import Any

from flask import Response, request
from sqlalchemy import select
from sqlalchemy.orm import contains_eager

from opbx.api import Blueprint
from opbx.database import write_transaction
from opbx.errors import refuse
from opbx.extensions import current_settings, db, limiter
from opbx.identity import passwords, tokens
from opbx.identity.authentication import authenticated, current_token, current_user, refuse_inactive
from opbx.identity.models import User
from opbx.identity.schemas import LoginAnswerSchema, LoginSchema, MeSchema

blueprint = Blueprint("auth", __name__, url_prefix="/api/v1/auth", description="Login and API tokens")


@blueprint.route("/login", methods=["POST"])
@limiter.limit(lambda: current_settings().login_rate_limit)
@blueprint.arguments(LoginSchema)
@blueprint.response(200, LoginAnswerSchema)
@blueprint.alt_response(401, description="Unknown user or wrong password")
@blueprint.alt_response(403, description="The account or the organization is switched off")
def login(credentials: dict[str, str]) -> dict[str, Any]:
    """Log in and get a token. Tokens of other logins stay valid."""
    user = _find(credentials["email"])
    if not passwords.matches(user.password_hash if user else None, credentials["password"]) or user is None:
        refuse(401, "INVALID_CREDENTIALS", "The email address or the password is wrong.")
    refuse_inactive(user)
    with write_transaction(db.session):
        issued = tokens.issue(db.session, user.id, name=_device(), lifetime=current_settings().token_lifetime)
    return _answer(issued.plain, user)


@blueprint.route("/refresh", methods=["POST"])
@authenticated
@blueprint.response(200, LoginAnswerSchema)
def refresh() -> dict[str, Any]:
    """Get a new token for the one presented, which is of no use from then on. Open sockets stay open."""
    with write_transaction(db.session):
        plain = tokens.refresh(db.session, current_token(), lifetime=current_settings().token_lifetime)
    if plain is None:
        refuse(401, "UNAUTHENTICATED", "The token was revoked.", headers={"WWW-Authenticate": "Bearer"})
    return _answer(plain, current_user())


@blueprint.route("/logout", methods=["POST"])
@authenticated
@blueprint.response(204)
def logout() -> Response:
    """Revoke the token presented and end its sockets; other logins of the user stay."""
    with write_transaction(db.session):
        tokens.revoke(db.session, current_token().id)
    return Response(status=204)


@blueprint.route("/me")
@authenticated
@blueprint.response(200, MeSchema)
def me() -> User:
    """The caller and the caller's organization."""
    return current_user()


def _find(email: str) -> User | None:
    """The user, detached: hashing takes long, and no connection shall wait for it."""
    user: User | None = db.session.scalar(
        select(User)
        .join(User.organization)
        .options(contains_eager(User.organization))
        .where(User.email == email.lower())
    )
    if user is not None:
        db.session.expunge(user.organization)
        db.session.expunge(user)
    db.session.rollback()
    return user


def _device() -> str:
    """A name by which people may know the login again."""
    return request.user_agent.string[:100] or "unnamed"


def _answer(plain: str, user: User) -> dict[str, Any]:
    return {"access_token": plain, "expires_in": current_settings().token_lifetime, "user": user}
