"""Creating accounts: what is stored, and what is refused with which error."""

import pytest
from sqlalchemy.orm import Session

from opbx.identity import accounts, numbers
from opbx.identity.models import Role, UserStatus
from opbx.identity.passwords import matches
from tests import factories


def test_an_organization_gets_a_slug_from_its_name(session: Session) -> None:
    made = accounts.create_organization(session, name="Ärzte & Co. 24", domain="PBX.Example.test")
    assert made.slug == "rzte-co-24"
    assert made.domain == "pbx.example.test"
    assert made.domain_uuid


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 201),
        ("name", "two\nlines"),
        ("slug", "-no-"),
        ("slug", "Ünicode"),
        ("domain", "not a domain"),
        ("domain", "x" * 254),
        ("domain", "a..b"),
        ("domain", "ends.in.newline\n"),
        ("timezone", "Mars/Olympus"),
        ("timezone", "../../etc/passwd"),
        ("domain_uuid", "?"),
    ],
)
def test_unusable_fields_of_an_organization_are_named(session: Session, field: str, value: str) -> None:
    given = {"name": "Acme", "domain": "acme.test", "slug": "acme", field: value}
    with pytest.raises(accounts.InvalidFieldsError) as refused:
        accounts.create_organization(session, **given)
    assert field in refused.value.fields


@pytest.mark.parametrize("given", [{"slug": "taken"}, {"domain": "taken.test"}])
def test_what_must_be_unique_is_refused_when_taken(session: Session, given: dict[str, str]) -> None:
    factories.make_organization(session, slug="taken", domain="taken.test")
    with pytest.raises(accounts.TakenError):
        accounts.create_organization(session, **({"name": "Acme", "domain": "acme.test"} | given))


def test_a_user_is_stored_with_a_hash_and_a_lower_case_address(session: Session) -> None:
    organization = factories.make_organization(session)
    user = accounts.create_user(
        session, organization, name="Ann", email="Ann@Example.test", password="long enough", role="owner"
    )
    assert (user.email, user.role) == ("ann@example.test", Role.OWNER)
    assert "long enough" not in user.password_hash
    assert matches(user.password_hash, "long enough")
    with pytest.raises(accounts.TakenError):
        accounts.create_user(session, organization, name="Ann", email="ANN@example.test", password="long enough")


@pytest.mark.parametrize(
    ("field", "value"), [("email", "no address"), ("password", "short"), ("role", "king"), ("name", "")]
)
def test_unusable_fields_of_a_user_are_named(session: Session, field: str, value: str) -> None:
    organization = factories.make_organization(session)
    given = {"name": "Ann", "email": "ann@example.test", "password": "long enough", field: value}
    with pytest.raises(accounts.InvalidFieldsError) as refused:
        accounts.create_user(session, organization, **given)
    assert refused.value.fields.keys() == {field}


def test_a_user_can_be_switched_off(session: Session) -> None:
    user = factories.make_user(session)
    accounts.deactivate_user(session, user.email.upper())
    assert user.status is UserStatus.INACTIVE
    with pytest.raises(accounts.NotFoundError):
        accounts.deactivate_user(session, "nobody@example.test")


@pytest.mark.parametrize("number", ["", "12345", "+0123", "+1" + "2" * 15, "+1 555 123", "+1555123\n"])
def test_a_number_must_have_the_e164_form(session: Session, number: str) -> None:
    with pytest.raises(accounts.InvalidFieldsError):
        numbers.create_did_number(session, factories.make_organization(session), phone_number=number)


def test_numbers_are_unique_within_an_organization_only(session: Session) -> None:
    first, second = factories.make_organization(session), factories.make_organization(session)
    for organization in (first, second):
        numbers.create_did_number(session, organization, phone_number="+15551234567", friendly_name="Sales")
        numbers.create_extension(session, organization, number="101")
    with pytest.raises(accounts.TakenError):
        numbers.create_extension(session, first, number="101")


def test_an_extension_is_answered_by_a_user_of_its_organization(session: Session) -> None:
    organization = factories.make_organization(session)
    own, stranger = factories.make_user(session, organization), factories.make_user(session)
    assert numbers.create_extension(session, organization, number="101", user=own).user_id == own.id
    with pytest.raises(accounts.InvalidFieldsError):
        numbers.create_extension(session, organization, number="102", user=stranger)


@pytest.mark.parametrize("reference", ["ACME", "acme.example.test"])
def test_organizations_are_found_by_slug_or_domain(session: Session, reference: str) -> None:
    made = factories.make_organization(session, slug="acme", domain="acme.example.test")
    assert accounts.find_organization(session, reference) is made
    with pytest.raises(accounts.NotFoundError):
        accounts.find_organization(session, "unknown")
