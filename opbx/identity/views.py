"""/api/v1/auth: logging in and out, a fresh token, passwords, invitations, and who one is."""

from typing import Any

from flask import Response, after_this_request, request
from sqlalchemy import select
from sqlalchemy.orm import contains_eager

from opbx.api import Blueprint
from opbx.database import utcnow, write_transaction
from opbx.errors import ApiError, refuse
from opbx.extensions import current_settings, db
from opbx.identity import browser, invitations, passwords, throttle, tokens, users
from opbx.identity.audit import Action, record, record_about
from opbx.identity.authentication import (
    authenticated,
    came_by_cookie,
    current_token,
    current_user,
    refuse_inactive,
    refuse_suspended,
)
from opbx.identity.authorization import refuse_programs
from opbx.identity.changes import change
from opbx.identity.models import User
from opbx.identity.schemas import (
    AcceptSchema,
    InvitationSchema,
    InviteeSchema,
    LoginAnswerSchema,
    LoginSchema,
    MeSchema,
    NewPasswordSchema,
    UserSchema,
)

blueprint = Blueprint("auth", __name__, url_prefix="/api/v1/auth", description="Login and API tokens")


@blueprint.route("/login", methods=["POST"])
@throttle.from_address
@throttle.to_account
@throttle.to_account_from_address
@blueprint.arguments(LoginSchema)
@blueprint.response(200, LoginAnswerSchema)
@blueprint.alt_response(401, description="Unknown user or wrong password")
@blueprint.alt_response(403, description="The account or the organization is switched off")
def login(credentials: dict[str, str]) -> dict[str, Any]:
    """Log in and get a token. Tokens of other logins stay valid.

    A page of this server's origin also gets it as a cookie that scripts cannot read, and needs nothing else.
    """
    user = _find(credentials["email"])
    if not passwords.matches(user.password_hash if user else None, credentials["password"]) or user is None:
        _record_failure(user)
        refuse(401, "INVALID_CREDENTIALS", "The email address or the password is wrong.")
    try:
        refuse_inactive(user)
    except ApiError as error:
        _record_failure(user, reason=error.code.lower())
        raise
    return _logged_in(user)


@blueprint.route("/refresh", methods=["POST"])
@authenticated
@blueprint.response(200, LoginAnswerSchema)
@blueprint.alt_response(403, description="An API token cannot be refreshed")
def refresh() -> dict[str, Any]:
    """Get a new token for the one presented, which is of no use from then on. Open sockets stay open.

    What came in a cookie stays in it: `access_token` is null then.
    """
    refuse_programs()
    with write_transaction(db.session):
        plain = tokens.refresh(db.session, current_token(), lifetime=current_settings().token_lifetime)
    if plain is None:
        refuse(401, "UNAUTHENTICATED", "The token was revoked.", headers={"WWW-Authenticate": "Bearer"})
    if came_by_cookie():
        _keep_session(plain)
        return _answer(None, current_user())
    return _answer(plain, current_user())


@blueprint.route("/logout", methods=["POST"])
@authenticated
@blueprint.response(204)
def logout() -> Response:
    """Revoke the token presented and end its sockets; other logins of the user stay."""
    with write_transaction(db.session):
        tokens.revoke(db.session, current_token().id)
        record_about(db.session, Action.LOGOUT, current_user(), by=current_user())
    answer = Response(status=204)
    if came_by_cookie():
        browser.end_session(answer)
    return answer


@blueprint.route("/me")
@authenticated
@blueprint.response(200, MeSchema)
def me() -> dict[str, Any]:
    """The caller, the caller's organization, and how long the token is good."""
    user = current_user()
    left = current_token().expires_at - utcnow()
    return {
        **{name: getattr(user, name) for name in UserSchema().fields},
        "organization": user.organization,
        "expires_in": int(left.total_seconds()),
    }


@blueprint.route("/password", methods=["POST"])
@authenticated
@throttle.of_user
@blueprint.arguments(NewPasswordSchema)
@blueprint.response(204)
@blueprint.alt_response(403, description="The current password is wrong, or the caller came with an API token")
def change_password(given: dict[str, str]) -> Response:
    """Change the caller's password. All other logins of the caller end."""
    refuse_programs()
    if not passwords.matches(current_user().password_hash, given["current_password"]):
        refuse(403, "WRONG_PASSWORD", "The current password is wrong.")
    password_hash = passwords.hash_password(given["new_password"])
    with change():
        users.change_password(db.session, current_user().id, password_hash, keep=current_token().id)
    return Response(status=204)


@blueprint.route("/invitation", methods=["POST"])
@throttle.from_address
@blueprint.arguments(InvitationSchema)
@blueprint.response(200, InviteeSchema)
@blueprint.alt_response(410, description="The link is unknown, used or too old")
def invitation(given: dict[str, str]) -> User:
    """Whom an invitation is for. Asked by POST, so that its token is in no log of addresses."""
    with change():
        return invitations.find(db.session, given["token"])


@blueprint.route("/invitation/accept", methods=["POST"])
@throttle.from_address
@blueprint.arguments(AcceptSchema)
@blueprint.response(200, LoginAnswerSchema)
@blueprint.alt_response(403, description="The organization is switched off")
@blueprint.alt_response(410, description="The link is unknown, used or too old")
def accept_invitation(given: dict[str, str]) -> dict[str, Any]:
    """Choose a password by an invitation, and be logged in. Earlier logins and API tokens of the user end."""
    with change():
        refuse_suspended(invitations.find(db.session, given["token"]))
    password_hash = passwords.hash_password(given["password"])  # outside of the transaction: it takes long
    with change():
        email = invitations.accept(db.session, given["token"], password_hash).email
    user = _find(email)
    assert user is not None  # noqa: S101 - found a moment ago, and users are never deleted
    return _logged_in(user)


def _logged_in(user: User) -> dict[str, Any]:
    with write_transaction(db.session):
        issued = tokens.issue(db.session, user.id, name=_device(), lifetime=current_settings().token_lifetime)
        record_about(db.session, Action.LOGIN, user, by=user)
    if browser.from_own_page():
        _keep_session(issued.plain)
    return _answer(issued.plain, user)


def _keep_session(plain: str) -> None:
    @after_this_request
    def keep(answer: Response) -> Response:
        browser.keep_session(answer, plain, current_settings().token_lifetime)
        return answer


def _record_failure(user: User | None, **details: str) -> None:
    """Write down a login that failed; of somebody unknown as well, or the time it takes would tell who is known."""
    with write_transaction(db.session):
        if user is not None:
            record_about(db.session, Action.LOGIN_FAILED, user, by=None, **details)
        else:
            record(db.session, Action.LOGIN_FAILED, organization_id=None)


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


def _answer(plain: str | None, user: User) -> dict[str, Any]:
    return {"access_token": plain, "expires_in": current_settings().token_lifetime, "user": user}
