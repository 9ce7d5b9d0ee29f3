"""Which roles may call a view, and what a program's token may not do."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask_smorest import Blueprint

from opbx.errors import refuse
from opbx.identity.authentication import authenticated, current_token, current_user
from opbx.identity.models import Role, TokenKind

P = ParamSpec("P")
R = TypeVar("R")

OWNERS = frozenset({Role.OWNER})
MANAGERS = frozenset({Role.OWNER, Role.PBX_ADMIN})


def restricted(roles: frozenset[Role]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let only authenticated callers of one of `roles` reach the view; it takes the place of `@authenticated`."""

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            if current_user().role not in roles:
                refuse(403, "FORBIDDEN", f"Only {_named(roles)} may do this.")
            return view(*args, **kwargs)

        documented: Callable[P, R] = Blueprint.doc(
            responses={"403": {"description": f"The caller is none of: {_named(roles)}"}}
        )(guarded)
        return authenticated(documented)

    return decorate


def refuse_programs() -> None:
    """Raise 403 for a token made by hand.

    Whoever steals one must not make more of it: no other token, no password, no user, no higher role.
    """
    if current_token().kind is not TokenKind.LOGIN:
        refuse(403, "LOGIN_REQUIRED", "Log in for this; an API token does not do.")


def _named(roles: frozenset[Role]) -> str:
    return ", ".join(role.value for role in Role if role in roles)
