"""Links by which people choose their password themselves: at first, and again when they have forgotten it.

Whoever invites hands the link on by a way of their own. It is good for one use and for a week; of its secret only the
hash is kept. The caller commits; errors are typed (docs/decisions/invitations.md).
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import contains_eager

from opbx.database import AnySession, utcnow
from opbx.identity import tokens
from opbx.identity.accounts import AccountError, ConflictError
from opbx.identity.audit import Action, record_about
from opbx.identity.models import User, UserStatus
from opbx.identity.tokens import digest

LIFETIME = timedelta(days=7)


class UnusableInvitationError(AccountError):
    """The link is unknown, used or too old; or the user was switched off since."""


@dataclass(frozen=True, kw_only=True)
class Invitation:
    """A new link for `user`. `plain` is its secret, shown to whoever invites this once."""

    plain: str
    user: User


def issue(user: User) -> Invitation:
    """A link in place of the user's earlier one. The password stays what it is until the link is used."""
    if user.status is UserStatus.INACTIVE:
        raise ConflictError("The user is deactivated.")
    plain = secrets.token_urlsafe(32)
    user.invitation_hash, user.invitation_expires_at = digest(plain), utcnow() + LIFETIME
    return Invitation(plain=plain, user=user)


def find(session: AnySession, plain: str) -> User:
    """Whom the link is for, with the organization. Raises `UnusableInvitationError`."""
    user: User | None = session.scalar(
        select(User)
        .join(User.organization)
        .options(contains_eager(User.organization))
        .where(User.invitation_hash == digest(plain))
        .with_for_update(of=User)
    )
    usable = (
        user is not None
        and user.status is not UserStatus.INACTIVE
        and user.invitation_expires_at is not None
        and user.invitation_expires_at > utcnow()
    )
    if user is None or not usable:
        raise UnusableInvitationError("This link was used, or is too old; ask for another one.")
    return user


def accept(session: AnySession, plain: str, password_hash: str) -> User:
    """Set the password. Whatever was opened with the old one ends: logins, API tokens, sockets."""
    user = find(session, plain)
    joined = user.status is UserStatus.INVITED
    user.password_hash, user.status = password_hash, UserStatus.ACTIVE
    user.invitation_hash = user.invitation_expires_at = None
    tokens.revoke_all(session, user.id)
    record_about(session, Action.USER_JOINED if joined else Action.PASSWORD_CHANGED, user, by=user)
    return user
