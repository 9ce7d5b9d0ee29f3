"""What telephony senders prove themselves with: made, replaced, revoked. The caller commits; errors are typed."""

import secrets
from dataclasses import dataclass

from opbx.database import AnySession, utcnow
from opbx.identity.accounts import NotFoundError, checked, is_id
from opbx.identity.models import Organization, SenderKey
from opbx.identity.schemas import NewSenderKeySchema
from opbx.identity.tokens import digest


@dataclass(frozen=True, kw_only=True)
class IssuedSenderKey:
    """A new sender key with its secrets, which are shown this once."""

    key: str
    signing_secret: str
    record: SenderKey


def create_sender_key(
    session: AnySession,
    organization: Organization,
    *,
    name: str,
    key: str | None = None,
    signing_secret: str | None = None,
    allow_unstamped: bool = False,
) -> IssuedSenderKey:
    """A key and a signing secret for a telephony sender; random where not given. The key is stored hashed."""
    key = key or secrets.token_urlsafe(32)
    signing_secret = signing_secret or secrets.token_urlsafe(32)
    fields = checked(
        NewSenderKeySchema(),
        {"name": name, "key": key, "signing_secret": signing_secret, "allow_unstamped": allow_unstamped},
    )
    fields["key_hash"] = digest(fields.pop("key"))
    record = SenderKey(organization_id=organization.id, **fields)
    session.add(record)
    session.flush()
    return IssuedSenderKey(key=key, signing_secret=signing_secret, record=record)


def revoke_sender_key(session: AnySession, key_id: str) -> SenderKey:
    record: SenderKey | None = session.get(SenderKey, key_id) if is_id(key_id) else None
    if record is None:
        raise NotFoundError(f"no sender key has the id {key_id}")
    record.revoked_at = record.revoked_at or utcnow()
    return record
