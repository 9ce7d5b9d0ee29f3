"""Records for tests: each function adds one, with everything it needs, and commits."""

from functools import cache
from itertools import count
from typing import TypeVar

from sqlalchemy.orm import Session

from opbx.identity import tokens
from opbx.identity.models import DidNumber, Extension, Organization, Role, SenderKey, TokenKind, User
from opbx.identity.passwords import hash_password
from opbx.identity.sealing import create_seal
from opbx.settings import Settings

Row = TypeVar("Row")

PASSWORD = "correct horse battery staple"
SENDER_KEY = "sender-key-of-the-tests"
SIGNING_SECRET = "signing-secret-of-the-tests"
SEAL = create_seal(Settings())

_numbers = count(1)


def make_organization(session: Session, **given: object) -> Organization:
    number = next(_numbers)
    fields = {"name": f"Organization {number}", "slug": f"org-{number}", "domain": f"org-{number}.opbx.test"}
    return _saved(session, Organization(**(fields | given)))


def make_user(session: Session, organization: Organization | None = None, **given: object) -> User:
    """A user with the password `PASSWORD`, in an organization of their own where none is given."""
    number = next(_numbers)
    organization = organization or make_organization(session)
    fields = {
        "organization_id": organization.id,
        "name": f"User {number}",
        "email": f"user-{number}@opbx.test",
        "password_hash": _password_hash(),
        "role": Role.PBX_USER,
    }
    return _saved(session, User(**(fields | given)))


def make_token(session: Session, user: User, *, lifetime: int = 3600, kind: TokenKind = TokenKind.LOGIN) -> str:
    """The plain token, for `Authorization: Bearer`."""
    issued = tokens.issue(session, user.id, name="test", lifetime=lifetime, kind=kind)
    session.commit()
    return issued.plain


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def make_sender_key(session: Session, organization: Organization, **given: object) -> SenderKey:
    """Valid with the Bearer key `SENDER_KEY` and with signatures by `SIGNING_SECRET`."""
    fields = {
        "organization_id": organization.id,
        "name": "test",
        "key_hash": tokens.digest(SENDER_KEY),
        "sealed_secret": SEAL.seal(SIGNING_SECRET),
    }
    return _saved(session, SenderKey(**(fields | given)))


def make_did_number(session: Session, organization: Organization, phone_number: str, **given: object) -> DidNumber:
    return _saved(session, DidNumber(organization_id=organization.id, phone_number=phone_number, **given))


def make_extension(session: Session, organization: Organization, number: str, **given: object) -> Extension:
    return _saved(session, Extension(organization_id=organization.id, number=number, **given))


def _saved(session: Session, row: Row) -> Row:
    session.add(row)
    session.commit()
    return row


@cache
def _password_hash() -> str:
    return hash_password(PASSWORD)
