"""The demo: two organizations with people, numbers and a sender key, made once and mended on every run."""

import secrets
from uuid import NAMESPACE_DNS, uuid5

from sqlalchemy import select

from opbx.database import AnySession
from opbx.identity import accounts, numbers
from opbx.identity.models import DidNumber, Extension, Organization, Role, SenderKey, User
from opbx.identity.passwords import hash_password, matches
from opbx.identity.sealing import Seal
from opbx.identity.tokens import digest
from opbx.operations.access import DEMO_SLUGS, Access

_EXTENSIONS = ("101", "102", "103")
_KEY_NAME = "demo"


def seed(session: AnySession, seal: Seal, given: Access) -> list[Organization]:
    """Make sure that both organizations exist and open with `given`. The caller commits."""
    return [_organization(session, seal, slug, number, given) for number, slug in enumerate(DEMO_SLUGS, start=1)]


def seed_simulated(session: AnySession, seal: Seal, given: Access, count: int) -> list[Organization]:
    """The demo's organizations, and simulated ones beyond them, `count` in all. The caller commits."""
    slugs = [*DEMO_SLUGS, *(f"simulated-{number}" for number in range(len(DEMO_SLUGS) + 1, count + 1))]
    return [_organization(session, seal, slug, number, given) for number, slug in enumerate(slugs[:count], start=1)]


def _organization(session: AnySession, seal: Seal, slug: str, number: int, given: Access) -> Organization:
    domain = f"{slug}.opbx.test"
    organization: Organization | None = session.scalar(select(Organization).where(Organization.slug == slug))
    if organization is None:
        organization = accounts.create_organization(
            session,
            name=slug.replace("-", " ").title(),
            slug=slug,
            domain=domain,
            domain_uuid=str(uuid5(NAMESPACE_DNS, domain)),
        )
    people = [
        _user(session, organization, "Owner", Role.OWNER, given.password),
        _user(session, organization, "Agent", Role.PBX_USER, given.password),
    ]
    _sender_key(session, seal, organization, given.sender_key)
    _numbers(session, organization, number, people)
    return organization


def _user(session: AnySession, organization: Organization, title: str, role: Role, password: str) -> User:
    email = f"{title.lower()}@{organization.domain}"
    user: User | None = session.scalar(select(User).where(User.email == email))
    if user is None:
        user = accounts.create_user(
            session,
            organization,
            name=f"{organization.name} {title}",
            email=email,
            password=secrets.token_urlsafe(),
            role=role,
        )
    if not matches(user.password_hash, password):
        # The rules for passwords are not asked: whoever names one for a demo wants that one.
        user.password_hash = hash_password(password)
    return user


def _sender_key(session: AnySession, seal: Seal, organization: Organization, key: str) -> None:
    record: SenderKey | None = session.scalar(
        select(SenderKey).where(SenderKey.organization_id == organization.id, SenderKey.name == _KEY_NAME)
    )
    if record is None:
        record = SenderKey(organization_id=organization.id, name=_KEY_NAME)
        session.add(record)
    if record.key_hash != digest(key):
        record.key_hash, record.sealed_secret, record.revoked_at = digest(key), seal.seal(key), None
    session.flush()


def _numbers(session: AnySession, organization: Organization, number: int, people: list[User]) -> None:
    dids = set(session.scalars(select(DidNumber.phone_number).where(DidNumber.organization_id == organization.id)))
    for line, name in ((1, "Sales"), (2, "Support")):
        phone_number = f"+1800555{number:03}{line}"
        if phone_number not in dids:
            numbers.create_did_number(session, organization, phone_number=phone_number, friendly_name=name)
    extensions = set(session.scalars(select(Extension.number).where(Extension.organization_id == organization.id)))
    for place, extension in enumerate(_EXTENSIONS):
        if extension not in extensions:
            user = people[place] if place < len(people) else None
            numbers.create_extension(session, organization, number=extension, user=user)
