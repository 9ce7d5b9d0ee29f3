"""The people of an organization, as its owners and administrators manage them. The caller commits; errors are typed.

Two rules hold whatever is asked: an administrator neither makes nor changes owners, and there is always an owner left
who can log in.
"""

import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select

from opbx.backplane.control import Terminate
from opbx.database import AnySession, utcnow
from opbx.identity import invitations, tokens
from opbx.identity.accounts import ConflictError, NotFoundError, NotPermittedError, add, checked, is_id
from opbx.identity.audit import Action, record_about
from opbx.identity.invitations import Invitation
from opbx.identity.models import Organization, Role, TokenKind, User, UserStatus
from opbx.identity.passwords import hash_password
from opbx.identity.revocation import order_after_commit
from opbx.identity.schemas import InvitedUserSchema


def list_users(session: AnySession, organization_id: str) -> Sequence[User]:
    """All of an organization, by name."""
    return session.scalars(
        select(User).where(User.organization_id == organization_id).order_by(func.lower(User.name), User.id)
    ).all()


def get_user(session: AnySession, organization_id: str, user_id: str) -> User:
    """One of the organization. Raises `NotFoundError`, as for one of another organization."""
    user: User | None = session.get(User, user_id) if is_id(user_id) else None
    if user is None or user.organization_id != organization_id:
        raise NotFoundError("There is no such user.")
    return user


def invite(session: AnySession, by: User, *, name: str, email: str, role: Role) -> Invitation:
    """A new user of the organization of `by`, and the link by which they choose a password."""
    _refuse_owners(by, role)
    fields = checked(InvitedUserSchema(), {"name": name, "email": email, "role": role.value})
    user = User(
        organization_id=by.organization_id,
        status=UserStatus.INVITED,
        password_hash=hash_password(secrets.token_urlsafe(32)),  # nobody's: a login takes as long as any other
        **fields,
    )
    add(session, user, "A user with this email address exists.")
    record_about(session, Action.USER_INVITED, user, by=by, role=user.role.value)
    return invitations.issue(user)


def invite_again(session: AnySession, by: User, user_id: str) -> Invitation:
    """Another link, for who has lost the first one or forgotten the password."""
    user = _changeable(session, by, user_id)
    record_about(session, Action.USER_INVITED, user, by=by, role=user.role.value)
    return invitations.issue(user)


def change(session: AnySession, by: User, user_id: str, *, name: str | None = None, role: Role | None = None) -> User:
    """Give a user another name or role. The role counts from the user's next request on."""
    user = _changeable(session, by, user_id)
    before = {"name": user.name, "role": user.role.value}
    if role is not None and role is not user.role:
        _refuse_owners(by, role)
        if user.role is Role.OWNER:
            _keep_an_owner(session, user)
        user.role = role
    if name is not None:
        user.name = name
    after: dict[str, Any] = {"name": user.name, "role": user.role.value}
    changes = {field: {"from": before[field], "to": after[field]} for field in after if before[field] != after[field]}
    if changes:
        record_about(session, Action.USER_CHANGED, user, by=by, **changes)
    return user


def deactivate(session: AnySession, by: User, user_id: str) -> User:
    """Refuse the user's logins and tokens from now on, and end open sockets with the commit."""
    user = _changeable(session, by, user_id)
    if user.id == by.id:
        raise ConflictError("You cannot deactivate yourself.")
    if user.status is UserStatus.INACTIVE:
        return user
    if user.role is Role.OWNER:
        _keep_an_owner(session, user)
    user.status, user.deactivated_at = UserStatus.INACTIVE, utcnow()
    user.invitation_hash = user.invitation_expires_at = None
    order_after_commit(session, Terminate("user", user.id))
    record_about(session, Action.USER_DEACTIVATED, user, by=by)
    return user


def activate(session: AnySession, by: User, user_id: str) -> User:
    """Let a user in again."""
    user = _changeable(session, by, user_id)
    if user.status is UserStatus.INACTIVE:
        user.status, user.deactivated_at = UserStatus.ACTIVE, None
        record_about(session, Action.USER_ACTIVATED, user, by=by)
    return user


def change_password(session: AnySession, user_id: str, password_hash: str, *, keep: str) -> None:
    """Give a user another password. Their logins end, but for the token with the id `keep`; API tokens stay."""
    user = session.get_one(User, user_id)
    user.password_hash = password_hash
    user.invitation_hash = user.invitation_expires_at = None
    tokens.revoke_all(session, user_id, kind=TokenKind.LOGIN, keep=keep)
    record_about(session, Action.PASSWORD_CHANGED, user, by=user)


def _changeable(session: AnySession, by: User, user_id: str) -> User:
    _lock(session, by.organization_id)
    user = get_user(session, by.organization_id, user_id)
    _refuse_owners(by, user.role)
    return user


def _lock(session: AnySession, organization_id: str) -> None:
    """Let changes of one organization's people happen one after the other: two owners must not demote each other.

    Rows that only refer to the organization do not wait for this lock.
    """
    session.execute(
        select(Organization.id).where(Organization.id == organization_id).with_for_update(key_share=True)
    ).one()


def _refuse_owners(by: User, role: Role) -> None:
    if role is Role.OWNER and by.role is not Role.OWNER:
        raise NotPermittedError("Only owners make or change owners.")


def _keep_an_owner(session: AnySession, leaving: User) -> None:
    others = select(func.count()).where(
        User.organization_id == leaving.organization_id,
        User.role == Role.OWNER,
        User.status == UserStatus.ACTIVE,
        User.id != leaving.id,
    )
    if not session.scalar(others):
        raise ConflictError("The organization needs an owner: make another user one first.")
