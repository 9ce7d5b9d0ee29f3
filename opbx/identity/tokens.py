"""API tokens: opaque to their holders, stored as SHA-256, expiring and revocable; one a login, and named ones."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

import structlog
from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import contains_eager

from opbx.backplane.control import Extend, Terminate
from opbx.database import AnySession, change_chosen, utcnow, write_transaction
from opbx.identity.models import ApiToken, TokenKind, User
from opbx.identity.revocation import order_after_commit

log = structlog.get_logger()

#: `last_used_at` is exact to this much, so that reading does not mean writing.
USE_RESOLUTION = timedelta(minutes=1)


class TokenError(Exception):
    """The token is of no use; the message says why, in words fit for its holder."""


class UnknownTokenError(TokenError):
    """The token is unknown."""


class ExpiredTokenError(TokenError):
    """The token has expired."""


class RevokedTokenError(TokenError):
    """The token was revoked."""


@dataclass(frozen=True, kw_only=True)
class IssuedToken:
    """A new token. `plain` is shown to its holder this once."""

    plain: str
    record: ApiToken


def digest(plain: str) -> bytes:
    """What is stored of a secret that is random in itself: no salt and no slow hash is needed."""
    return sha256(plain.encode()).digest()


def issue(
    session: AnySession, user_id: str, *, name: str, lifetime: int, kind: TokenKind = TokenKind.LOGIN
) -> IssuedToken:
    """Add a token for the user; the caller commits. Other tokens of the user stay valid."""
    plain = secrets.token_urlsafe(32)
    record = ApiToken(
        user_id=user_id,
        kind=kind,
        name=name[:100],
        token_hash=digest(plain),
        expires_at=utcnow() + timedelta(seconds=lifetime),
    )
    session.add(record)
    return IssuedToken(plain=plain, record=record)


def verify(session: AnySession, plain: str) -> ApiToken:
    """The valid token, with its user and the user's organization, from one query. Raises `TokenError`."""
    token: ApiToken | None = session.scalar(
        select(ApiToken)
        .join(ApiToken.user)
        .join(User.organization)
        .options(contains_eager(ApiToken.user).contains_eager(User.organization))
        .where(ApiToken.token_hash == digest(plain))
    )
    if token is None:
        raise UnknownTokenError("The token is unknown.")
    if token.revoked_at is not None:
        raise RevokedTokenError("The token was revoked.")
    if token.expires_at <= utcnow():
        raise ExpiredTokenError("The token has expired.")
    return token


def revoke(session: AnySession, token_id: str) -> bool:
    """Revoke a token, whose sockets end with the caller's commit.

    False when it was revoked already: of two that try, one wins.
    """
    done = session.execute(
        update(ApiToken)
        .where(ApiToken.id == token_id, ApiToken.revoked_at.is_(None))
        .values(revoked_at=utcnow())
        .execution_options(synchronize_session=False)
        .returning(ApiToken.id)
    )
    order_after_commit(session, Terminate("token", token_id))
    return done.first() is not None


def revoke_all(session: AnySession, user_id: str, *, kind: TokenKind | None = None, keep: str | None = None) -> None:
    """Revoke the user's tokens, of one kind where it is given, but for the one with the id `keep`."""
    valid = select(ApiToken.id).where(ApiToken.user_id == user_id, *_usable())
    if kind is not None:
        valid = valid.where(ApiToken.kind == kind)
    for token_id in session.scalars(valid).all():
        if token_id != keep:
            revoke(session, token_id)


def list_tokens(session: AnySession, *, user_id: str | None = None, organization_id: str) -> Sequence[ApiToken]:
    """The usable tokens of an organization, or of one of its users, with their users, newest first."""
    query = (
        select(ApiToken)
        .join(ApiToken.user)
        .options(contains_eager(ApiToken.user))
        .where(User.organization_id == organization_id, *_usable())
        .order_by(ApiToken.created_at.desc(), ApiToken.id)
    )
    return session.scalars(query.where(ApiToken.user_id == user_id) if user_id else query).all()


def find_token(session: AnySession, organization_id: str, token_id: str) -> ApiToken | None:
    """A usable token of the organization, with its user."""
    return session.scalar(
        select(ApiToken)
        .join(ApiToken.user)
        .options(contains_eager(ApiToken.user))
        .where(ApiToken.id == token_id, User.organization_id == organization_id, *_usable())
    )


def _usable() -> tuple[ColumnElement[bool], ...]:
    return ApiToken.revoked_at.is_(None), ApiToken.expires_at > utcnow()


def refresh(session: AnySession, token: ApiToken, *, lifetime: int) -> str | None:
    """Give the token a new secret, which is returned, and a new expiry; the caller commits.

    The old secret is of no use from then on. The token keeps its id, by which its sockets know it, and they stay
    open. None when the secret is not the token's any more: of two that refresh with the same one, one wins.
    """
    plain, now = secrets.token_urlsafe(32), utcnow()
    expires_at = now + timedelta(seconds=lifetime)
    done = session.execute(
        update(ApiToken)
        .where(ApiToken.id == token.id, ApiToken.token_hash == token.token_hash, ApiToken.revoked_at.is_(None))
        .values(token_hash=digest(plain), expires_at=expires_at, refreshed_at=now)
        .execution_options(synchronize_session=False)
        .returning(ApiToken.id)
    )
    if done.first() is None:
        return None
    order_after_commit(session, Extend(token.id, expires_at.timestamp()))
    return plain


def prune(session: AnySession, before: datetime, limit: int) -> int:
    """Remove at most `limit` tokens that expired before then; return how many. The caller commits."""
    old = select(ApiToken.id).where(ApiToken.expires_at < before).limit(limit)
    return change_chosen(session, delete(ApiToken).where(ApiToken.id.in_(old)))


def is_use_due(token: ApiToken, now: datetime) -> bool:
    """Whether the recorded last use is old enough to be written anew."""
    return token.last_used_at is None or now - token.last_used_at >= USE_RESOLUTION


def record_use(session: AnySession, token_id: str) -> None:
    """Write down that the token was used. Bookkeeping: a database too busy for it fails no request."""
    now = utcnow()
    try:
        with write_transaction(session):
            session.execute(
                update(ApiToken)
                .where(
                    ApiToken.id == token_id,
                    or_(ApiToken.last_used_at.is_(None), ApiToken.last_used_at <= now - USE_RESOLUTION),
                )
                .values(last_used_at=now)
                .execution_options(synchronize_session=False)
            )
    except SQLAlchemyError as error:
        session.rollback()
        log.warning("token use not recorded", token_id=token_id, error=str(error))
