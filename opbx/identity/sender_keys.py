"""What telephony senders prove themselves with: made, replaced, revoked. The caller commits; errors are typed."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BindParameter, ColumnElement, or_, select

from opbx.database import AnySession, utcnow
from opbx.identity import audit
from opbx.identity.accounts import ConflictError, InvalidFieldsError, NotFoundError, checked, is_id
from opbx.identity.audit import Action
from opbx.identity.models import Organization, SenderKey, User
from opbx.identity.schemas import NewSenderKeySchema
from opbx.identity.sealing import Seal
from opbx.identity.tokens import digest


@dataclass(frozen=True, kw_only=True)
class IssuedSenderKey:
    """A new sender key with its secrets, which are shown this once; one of them may be missing."""

    key: str | None
    signing_secret: str | None
    record: SenderKey


def create_sender_key(
    session: AnySession,
    seal: Seal,
    organization: Organization,
    *,
    name: str,
    key: str | None = None,
    signing_secret: str | None = None,
    bearer: bool = True,
    signing: bool = True,
    allow_unstamped: bool = False,
    by: User | None = None,
) -> IssuedSenderKey:
    """A Bearer key (`bearer`) and a signing secret (`signing`) for a telephony sender; random where not given.

    The key is stored hashed, the secret sealed: signatures are checked with it.
    """
    if not bearer and not signing:
        raise InvalidFieldsError({"bearer": ["A sender needs a key, a signing secret, or both."]})
    key = (key or secrets.token_urlsafe(32)) if bearer else None
    signing_secret = (signing_secret or secrets.token_urlsafe(32)) if signing else None
    given = {"name": name, "key": key, "signing_secret": signing_secret, "allow_unstamped": allow_unstamped}
    fields = checked(NewSenderKeySchema(), {field: value for field, value in given.items() if value is not None})
    record = SenderKey(
        organization_id=organization.id,
        name=fields["name"],
        allow_unstamped=allow_unstamped,
        key_hash=digest(key) if key else None,
        sealed_secret=seal.seal(signing_secret) if signing_secret else None,
    )
    session.add(record)
    session.flush()
    _record(session, Action.SENDER_KEY_CREATED, record, by)
    return IssuedSenderKey(key=key, signing_secret=signing_secret, record=record)


def rotate_sender_key(
    session: AnySession, seal: Seal, organization: Organization, key_id: str, *, overlap: timedelta, by: User | None
) -> IssuedSenderKey:
    """A key in place of another, which stays good for `overlap`: senders are changed over without a gap."""
    old = get_sender_key(session, organization.id, key_id)
    if old.revoked_at is not None:
        raise ConflictError("This key ends already.")
    new = create_sender_key(
        session,
        seal,
        organization,
        name=old.name,
        bearer=old.key_hash is not None,
        signing=old.sealed_secret is not None,
        allow_unstamped=old.allow_unstamped,
        by=by,
    )
    old.revoked_at = utcnow() + overlap
    _record(session, Action.SENDER_KEY_ROTATED, old, by, overlap_hours=overlap.total_seconds() / 3600)
    return new


def revoke_sender_key(
    session: AnySession, key_id: str, *, organization_id: str | None = None, by: User | None = None
) -> SenderKey:
    """Refuse a key from now on."""
    record = get_sender_key(session, organization_id, key_id)
    now = utcnow()
    if record.revoked_at is None or record.revoked_at > now:
        record.revoked_at = now
        _record(session, Action.SENDER_KEY_REVOKED, record, by)
    return record


def list_sender_keys(session: AnySession, organization_id: str) -> Sequence[SenderKey]:
    """Those that are good now, newest first."""
    return session.scalars(
        select(SenderKey)
        .where(SenderKey.organization_id == organization_id, is_good(utcnow()))
        .order_by(SenderKey.created_at.desc(), SenderKey.id)
    ).all()


def get_sender_key(session: AnySession, organization_id: str | None, key_id: str) -> SenderKey:
    """A key, of the organization where one is given. Raises `NotFoundError`."""
    record: SenderKey | None = session.get(SenderKey, key_id) if is_id(key_id) else None
    if record is None or organization_id not in {None, record.organization_id}:
        raise NotFoundError(f"no sender key has the id {key_id}")
    return record


def is_good(now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """Whether a key may be used at the moment."""
    return or_(SenderKey.revoked_at.is_(None), SenderKey.revoked_at > now)


def reseal(session: AnySession, seal: Seal) -> int:
    """Seal all secrets under the first of the seal's keys; return how many. Raises `UnreadableSecretError`."""
    records = session.scalars(select(SenderKey).where(SenderKey.sealed_secret.is_not(None))).all()
    for record in records:
        record.sealed_secret = seal.reseal(record.sealed_secret or "")
    return len(records)


def _record(session: AnySession, action: Action, key: SenderKey, by: User | None, **details: float) -> None:
    audit.record(
        session,
        action,
        organization_id=key.organization_id,
        actor=by,
        subject_id=key.id,
        subject=key.name,
        **details,
    )
