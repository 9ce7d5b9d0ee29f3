"""Who sends a webhook: finds the organization by the payload's domain and checks that the sender may speak for it.

Two proofs are known, and one at least must hold: `Authorization: Bearer <key>`, and `X-Cloudonix-Signature`, the
hex HMAC-SHA256 of timestamp, a dot and the raw body. A proof that is given must hold where the organization has
anything to check it with: a wrong signature is not made good by a key.

Each process remembers for a moment what a sender was let in by, since senders send many webhooks. A proof that fails by
that is checked again by the database, so that a new key is good at once; a revoked one stays good for that moment
(docs/decisions/remembered-senders.md).
"""

import hmac
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import and_, bindparam, select
from werkzeug.datastructures import Headers

from opbx.identity.models import Organization, OrganizationStatus, SenderKey
from opbx.identity.sender_keys import is_good
from opbx.pipeline import Statement, Transactions
from opbx.telephony.transactions import retrying

#: Seconds that a signature's timestamp may be away from our clock.
TOLERANCE = 300

MAX_DOMAIN = 253

#: Domains that a process remembers the senders of.
MOST_REMEMBERED = 10_000

#: The organization and its valid keys, by the column in which its name is looked up.
_KEYS = {
    column.key: Statement(
        select(
            Organization.id,
            Organization.status,
            SenderKey.key_hash,
            SenderKey.sealed_secret,
            SenderKey.allow_unstamped,
        )
        .outerjoin(SenderKey, and_(SenderKey.organization_id == Organization.id, is_good(bindparam("now"))))
        .where(column == bindparam("name"))
    )
    for column in (Organization.domain, Organization.domain_uuid)
}

_TIMESTAMP = re.compile(r"[0-9]{1,12}")


class SenderRefused(Exception):
    """A webhook is not let in. Permanent: the same request is refused again."""


class DomainMissing(SenderRefused):
    """The payload names no domain."""


class Unauthenticated(SenderRefused):
    """The domain, the key or the signature is wrong; which of them is not told."""


class OrganizationSuspended(SenderRefused):
    """The organization is suspended."""


@dataclass(frozen=True, kw_only=True)
class Proofs:
    """What the request shows to prove its sender, as it came."""

    bearer: str | None
    signature: str | None
    timestamp: str | None

    @classmethod
    def of(cls, headers: Headers) -> "Proofs":
        scheme, _, key = headers.get("Authorization", "").partition(" ")
        return cls(
            bearer=key.strip() if scheme.lower() == "bearer" else None,
            signature=headers.get("X-Cloudonix-Signature"),
            timestamp=headers.get("X-Cloudonix-Timestamp"),
        )


@dataclass(frozen=True)
class Key:
    """One sender key of the organization; either part may be missing."""

    key_hash: bytes | None
    signing_secret: str | None
    allow_unstamped: bool


#: Compared with where an organization is unknown or has no key, so that the answer takes as long.
_NOBODY = Key(sha256(b"nobody's key").digest(), "nobody's secret", allow_unstamped=False)


class Senders:
    """The senders of one database, remembered for `life` seconds."""

    def __init__(self, transactions: Transactions, life: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._transactions = transactions
        self._life = life
        self._clock = clock
        self._remembered: dict[tuple[str, str], tuple[float, list[Any]]] = {}

    def authenticate(
        self,
        payload: Mapping[str, Any],
        proofs: Proofs,
        body: bytes,
        now: datetime,
        *,
        unseal: Callable[[str], str],
    ) -> str:
        """The id of the organization that the sender has proved to speak for. Raises `SenderRefused`.

        `unseal` opens the signing secrets; only a signed request needs them.
        """
        domain = _domain(payload)
        until, rows = self._remembered.get(domain, (0.0, []))
        if self._clock() < until:
            with suppress(SenderRefused):
                return _admitted(rows, proofs, body, now, unseal)
        rows = self._ask(domain, now)
        organization_id = _admitted(rows, proofs, body, now, unseal)
        self._remember(domain, rows)
        return organization_id

    def _ask(self, domain: tuple[str, str], now: datetime) -> list[Any]:
        column, name = domain

        def ask() -> list[Any]:
            with self._transactions.steps(writes=False) as pipeline:
                return pipeline.send(_KEYS[column], name=name, now=now).rows()

        return retrying(ask)

    def _remember(self, domain: tuple[str, str], rows: list[Any]) -> None:
        if len(self._remembered) >= MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[domain] = (self._clock() + self._life, rows)


def _admitted(rows: Sequence[Any], proofs: Proofs, body: bytes, now: datetime, unseal: Callable[[str], str]) -> str:
    """The organization's id where one of its keys proves the sender. Raises `SenderRefused`."""
    signed = proofs.signature is not None
    keys = [
        Key(
            row.key_hash,
            unseal(row.sealed_secret) if signed and row.sealed_secret else None,
            bool(row.allow_unstamped),
        )
        for row in rows
    ]
    if not _proved(keys, proofs, body, now) or not rows:
        raise Unauthenticated
    if rows[0].status is not OrganizationStatus.ACTIVE:
        raise OrganizationSuspended
    organization_id: str = rows[0].id
    return organization_id


def _domain(payload: Mapping[str, Any]) -> tuple[str, str]:
    """The first name in the payload, by which column to look for it. The payload's other names count for nothing."""
    owner = payload.get("owner")
    owned = owner.get("domain") if isinstance(owner, dict) else None
    owned = owned if isinstance(owned, dict) else {}
    names = (
        ("domain", payload.get("Domain")),
        ("domain", payload.get("domain")),
        ("domain", owned.get("name")),
        ("domain_uuid", payload.get("domain_uuid")),
        ("domain_uuid", owned.get("uuid")),
    )
    for column, name in names:
        if isinstance(name, str) and name.strip():
            domain = name.strip().lower()
            # nobody has such a domain, and PostgreSQL does not take every text
            return column, domain if domain.isprintable() and len(domain) <= MAX_DOMAIN else ""
    raise DomainMissing


def _proved(keys: Sequence[Key], proofs: Proofs, body: bytes, now: datetime) -> bool:
    bearer = _bearer_holds([key.key_hash for key in keys if key.key_hash], proofs)
    signature = _signature_holds([key for key in keys if key.signing_secret], proofs, body, now)
    return False not in {bearer, signature} and True in {bearer, signature}


def _bearer_holds(hashes: Sequence[bytes], proofs: Proofs) -> bool | None:
    """Whether the Bearer key is one of the organization's; None where it has none or the request brings none."""
    if proofs.bearer is None:
        return None
    given = sha256(proofs.bearer.encode()).digest()
    held = [hmac.compare_digest(given, known) for known in hashes or [_NOBODY.key_hash or b""]]
    return any(held) if hashes else None


def _signature_holds(keys: Sequence[Key], proofs: Proofs, body: bytes, now: datetime) -> bool | None:
    """Whether the signature is by one of the organization's secrets; None as above."""
    if proofs.signature is None:
        return None
    given = proofs.signature.strip().lower().encode()
    held = [
        hmac.compare_digest(given, _signature(key.signing_secret or "", proofs, body))
        and (key.allow_unstamped if proofs.timestamp is None else _timely(proofs.timestamp, now))
        for key in keys or [_NOBODY]
    ]
    return any(held) if keys else None


def _signature(secret: str, proofs: Proofs, body: bytes) -> bytes:
    signed = body if proofs.timestamp is None else proofs.timestamp.encode() + b"." + body
    return hmac.new(secret.encode(), signed, sha256).hexdigest().encode()


def _timely(timestamp: str, now: datetime) -> bool:
    if not _TIMESTAMP.fullmatch(timestamp):
        return False
    return abs(now.timestamp() - int(timestamp)) <= TOLERANCE
