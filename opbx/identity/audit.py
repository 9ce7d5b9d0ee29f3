"""The audit log: logins, and changes of people, passwords, roles, tokens and keys, each written with its change."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from flask import has_request_context, request
from sqlalchemy import delete, select

from opbx.database import AnySession, change_chosen
from opbx.identity.models import AuditEntry, User


class Action(StrEnum):
    """What is written down."""

    LOGIN = "login"
    LOGIN_FAILED = "login.failed"
    LOGOUT = "logout"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105 - a word
    ORGANIZATION_SUSPENDED = "organization.suspended"
    ORGANIZATION_ACTIVATED = "organization.activated"
    USER_CREATED = "user.created"  # by the operator, with a password
    USER_INVITED = "user.invited"
    USER_JOINED = "user.joined"  # the invitation was accepted
    USER_CHANGED = "user.changed"
    USER_DEACTIVATED = "user.deactivated"
    USER_ACTIVATED = "user.activated"
    TOKEN_CREATED = "token.created"  # noqa: S105 - a word
    TOKEN_REVOKED = "token.revoked"  # noqa: S105 - a word
    SENDER_KEY_CREATED = "sender_key.created"
    SENDER_KEY_ROTATED = "sender_key.rotated"
    SENDER_KEY_REVOKED = "sender_key.revoked"
    NUMBER_CREATED = "number.created"
    NUMBER_DELETED = "number.deleted"


class InvalidCursor(ValueError):
    """A cursor is not one that this listing gave out. Permanent."""


@dataclass(frozen=True, kw_only=True)
class Page:
    entries: Sequence[AuditEntry]
    next_cursor: str | None  # None on the last page


def record(
    session: AnySession,
    action: Action,
    *,
    organization_id: str | None,
    actor: User | None = None,
    subject_id: str | None = None,
    subject: str | None = None,
    **details: Any,
) -> None:
    """Write down what the open transaction does. Without an `actor` it was the operator, or nobody known.

    Nothing secret may be among `details`: they are shown as they are.
    """
    session.add(
        AuditEntry(
            organization_id=organization_id,
            action=action.value,
            actor_id=actor.id if actor else None,
            actor=actor.email if actor else None,
            subject_id=subject_id,
            subject=subject,
            details=details,
            address=request.remote_addr if has_request_context() else None,
        )
    )


def record_about(session: AnySession, action: Action, user: User, *, by: User | None, **details: Any) -> None:
    """Write down what `by` does to `user`."""
    record(
        session,
        action,
        organization_id=user.organization_id,
        actor=by,
        subject_id=user.id,
        subject=user.email,
        **details,
    )


def list_entries(
    session: AnySession,
    organization_id: str,
    *,
    limit: int,
    cursor: str | None = None,
    actions: Sequence[Action] = (),
    user_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Page:
    """One page, newest first; `user_id` asks for what a user did or had done to them. Raises `InvalidCursor`."""
    query = select(AuditEntry).where(AuditEntry.organization_id == organization_id)
    if cursor is not None:
        query = query.where(AuditEntry.id < _read_cursor(cursor))
    if actions:
        query = query.where(AuditEntry.action.in_(actions))
    if user_id:
        query = query.where((AuditEntry.actor_id == user_id) | (AuditEntry.subject_id == user_id))
    if since:
        query = query.where(AuditEntry.at >= since)
    if until:
        query = query.where(AuditEntry.at < until)
    entries = session.scalars(query.order_by(AuditEntry.id.desc()).limit(limit + 1)).all()
    more = len(entries) > limit
    return Page(entries=entries[:limit], next_cursor=_cursor(entries[limit - 1]) if more else None)


def prune(session: AnySession, before: datetime, limit: int) -> int:
    """Remove at most `limit` entries from before then; return how many. The caller commits."""
    old = select(AuditEntry.id).where(AuditEntry.at < before).limit(limit)
    return change_chosen(session, delete(AuditEntry).where(AuditEntry.id.in_(old)))


def _cursor(entry: AuditEntry) -> str:
    return urlsafe_b64encode(str(entry.id).encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> int:
    try:
        number = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except ValueError as error:
        raise InvalidCursor("not a cursor of this listing") from error
    if not number.isdigit() or len(number) > 18:
        raise InvalidCursor("not a cursor of this listing")
    return int(number)
