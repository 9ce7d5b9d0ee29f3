"""Senders are remembered for a moment: what that saves, and what it must not let in."""

import pytest
from sqlalchemy.orm import Session

from opbx.database import utcnow
from opbx.identity import tokens
from opbx.identity.models import Organization, OrganizationStatus, SenderKey
from opbx.pipeline import Transactions
from opbx.telephony.senders import OrganizationSuspended, Proofs, Senders, Unauthenticated
from tests import factories


class Seconds:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Asking(Senders):
    """Counts how often the database is asked."""

    asked = 0

    def _ask(self, *arguments: object) -> list[object]:
        self.asked += 1
        return super()._ask(*arguments)  # type: ignore[arg-type]

    def admit(self, key: str = factories.SENDER_KEY) -> str:
        proofs = Proofs(bearer=key, signature=None, timestamp=None)
        return self.authenticate({"domain": "acme.cloudonix.net"}, proofs, b"{}", utcnow(), unseal=factories.SEAL.open)


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def senders(transactions: Transactions, seconds: Seconds) -> Asking:
    return Asking(transactions, 1.0, seconds)


@pytest.fixture
def key(session: Session, organization: Organization) -> SenderKey:
    return factories.make_sender_key(session, organization)


def test_the_database_is_asked_once_a_while(
    senders: Asking, seconds: Seconds, organization: Organization, key: SenderKey
) -> None:
    assert {senders.admit() for _ in range(5)} == {organization.id}
    assert senders.asked == 1

    seconds.now += 1
    senders.admit()
    assert senders.asked == 2


def test_a_revoked_key_is_good_for_that_moment_and_no_longer(
    senders: Asking, seconds: Seconds, session: Session, key: SenderKey
) -> None:
    senders.admit()
    key.revoked_at = utcnow()
    session.commit()
    senders.admit()

    seconds.now += 1
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            senders.admit()


def test_a_suspended_organization_is_let_in_for_that_moment_and_no_longer(
    senders: Asking, seconds: Seconds, session: Session, organization: Organization, key: SenderKey
) -> None:
    senders.admit()
    organization.status = OrganizationStatus.SUSPENDED
    session.commit()
    senders.admit()

    seconds.now += 1
    with pytest.raises(OrganizationSuspended):
        senders.admit()


def test_a_new_key_is_good_at_once(
    senders: Asking, session: Session, organization: Organization, key: SenderKey
) -> None:
    senders.admit()
    factories.make_sender_key(session, organization, key_hash=tokens.digest("another"))

    assert senders.admit("another") == organization.id


def test_who_was_refused_is_not_remembered(senders: Asking, organization: Organization, key: SenderKey) -> None:
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            senders.admit("a guess")
    assert senders.asked == 2

    senders.admit()
    with pytest.raises(Unauthenticated):
        senders.admit("a guess")
