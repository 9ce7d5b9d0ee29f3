"""API tokens: opaque to their holders, stored as SHA-256, expiring and revocable, one a login."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

import structlog
from sqlalchemy import or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import contains_eager

from opbx.database import AnySession, utcnow, write_transaction
from opbx.identity.models import ApiToken, User

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
    """A new token. `plain` is shown to its holder this once; `lifetime` in seconds."""

    plain: str
    lifetime: int
    record: ApiToken


def digest(plain: str) -> bytes:
    """What is stored of a secret that is random in itself: no salt and no slow hash is needed."""
    return sha256(plain.encode()).digest()


def issue(session: AnySession, user_id: str, *, name: str, lifetime: int) -> IssuedToken:
    """Add a token for the user; the caller commits. Other tokens of the user stay valid."""
    plain = secrets.token_urlsafe(32)
    record = ApiToken(
        user_id=user_id,
        name=name[:100],
        token_hash=digest(plain),
        expires_at=utcnow() + timedelta(seconds=lifetime),
    )
    session.add(record)
    return IssuedToken(plain=plain, lifetime=lifetime, record=record)


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
    """Revoke a token; the caller commits. False when it was revoked already: of two that try, one wins."""
    done = session.execute(
        update(ApiToken)
        .where(ApiToken.id == token_id, ApiToken.revoked_at.is_(None))
        .values(revoked_at=utcnow())
        .execution_options(synchronize_session=False)
        .returning(ApiToken.id)
    )
    return done.first() is not None


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
