"""Who calls: reads `Authorization: Bearer`, or else the cookie of the dashboard's session, and refuses what is missing,
expired, revoked or switched off.

Decorate a view with `@authenticated` and ask `current_user()` inside it.
"""

from collections.abc import Callable
from functools import wraps
from typing import NoReturn, ParamSpec, TypeVar

import structlog
from flask import g, request
from flask_smorest import Blueprint

from opbx.database import utcnow
from opbx.errors import refuse
from opbx.extensions import current_settings, db
from opbx.identity import tokens
from opbx.identity.browser import session_token
from opbx.identity.models import ApiToken, OrganizationStatus, User, UserStatus
from opbx.limits import enforce

P = ParamSpec("P")
R = TypeVar("R")


def authenticated(view: Callable[P, R]) -> Callable[P, R]:
    """Let only callers with a valid token reach the view; place it below the route decorator."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        require_user()
        return view(*args, **kwargs)

    documented: Callable[P, R] = Blueprint.doc(
        security=[{"bearer": []}, {"session": []}], responses={"401": {"description": "No valid token"}}
    )(guarded)
    return documented


def require_user() -> User:
    """The caller; raises 401 or 403 as `ApiError`. Leaves no transaction open, so that the view may begin one."""
    bearer = _bearer()
    plain = bearer or session_token()
    if plain is None:
        # RFC 6750, 3.1: without credentials the challenge carries no error code.
        _unauthenticated("A Bearer token is needed.", "Bearer")
    try:
        token = tokens.verify(db.session, plain)
    except tokens.TokenError as error:
        db.session.rollback()
        _unauthenticated(str(error), 'Bearer error="invalid_token"')
    user = token.user
    # Detached, they stay readable when the session rolls back or commits, without another query.
    for row in (token, user, user.organization):
        db.session.expunge(row)
    db.session.rollback()
    refuse_inactive(user)
    if tokens.is_use_due(token, utcnow()):
        tokens.record_use(db.session, token.id)
    enforce("user", current_settings().user_rate_limit, user.id)
    g.user, g.token, g.by_cookie = user, token, bearer is None
    structlog.contextvars.bind_contextvars(user_id=user.id, organization_id=user.organization_id)
    return user


def current_user() -> User:
    """The caller of an authenticated view, with `.organization` loaded: a detached record, for reading."""
    user: User = g.user
    return user


def current_token() -> ApiToken:
    """The token that the caller of an authenticated view presented."""
    token: ApiToken = g.token
    return token


def came_by_cookie() -> bool:
    """Whether the caller of an authenticated view presented the token in a cookie."""
    return bool(g.by_cookie)


def refuse_inactive(user: User) -> None:
    """Raise 403 for a deactivated user and for a member of a suspended organization."""
    if user.status is not UserStatus.ACTIVE:
        refuse(403, "ACCOUNT_INACTIVE", "This account is deactivated.")
    refuse_suspended(user)


def refuse_suspended(user: User) -> None:
    """Raise 403 for a member of a suspended organization."""
    if user.organization.status is not OrganizationStatus.ACTIVE:
        refuse(403, "ORGANIZATION_INACTIVE", "This organization is suspended.")


def _bearer() -> str | None:
    scheme, _, plain = request.headers.get("Authorization", "").partition(" ")
    return plain.strip() or None if scheme.lower() == "bearer" else None


def _unauthenticated(message: str, challenge: str) -> NoReturn:
    refuse(401, "UNAUTHENTICATED", message, headers={"WWW-Authenticate": challenge})
