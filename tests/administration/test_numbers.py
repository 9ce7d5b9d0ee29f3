"""/api/v1/numbers and /api/v1/extensions: everybody looks up, owners and administrators change."""

import pytest
from sqlalchemy.orm import Session

from opbx.identity.models import DidNumber, Extension, Organization, User
from tests import factories
from tests.administration.conftest import Call


def test_numbers_are_added_and_removed(call: Call, admin: User, user: User) -> None:
    body = {"phone_number": "+18005556789", "friendly_name": "Sales"}
    made = call(admin, "POST", "/numbers", body, status=201).get_json()
    call(admin, "POST", "/numbers", body, status=409)
    assert call(user, "GET", "/numbers", status=200).get_json() == {"data": [made]}
    call(admin, "DELETE", f"/numbers/{made['id']}", status=204)
    call(admin, "DELETE", f"/numbers/{made['id']}", status=404)


def test_extensions_say_who_answers(call: Call, admin: User, user: User) -> None:
    made = call(admin, "POST", "/extensions", {"number": "101", "user_id": user.id}, status=201).get_json()
    assert made == {"id": made["id"], "number": "101", "user_id": user.id, "user_name": user.name}
    call(admin, "POST", "/extensions", {"number": "102"}, status=201)
    listed = call(user, "GET", "/extensions").get_json()["data"]
    assert [(entry["number"], entry["user_name"]) for entry in listed] == [("101", user.name), ("102", None)]
    call(admin, "DELETE", f"/extensions/{made['id']}", status=204)


@pytest.mark.parametrize(("path", "kind"), [("numbers", DidNumber), ("extensions", Extension)])
def test_strangers_numbers_stay(
    call: Call, session: Session, admin: User, path: str, kind: type[DidNumber | Extension]
) -> None:
    theirs = factories.make_organization(session)
    did, extension = (
        factories.make_did_number(session, theirs, "+15551234567"),
        factories.make_extension(session, theirs, "101"),
    )
    stranger = did if kind is DidNumber else extension
    call(admin, "DELETE", f"/{path}/{stranger.id}", status=404)
    assert call(admin, "GET", f"/{path}").get_json() == {"data": []}
    assert session.get(kind, stranger.id)


def test_a_stranger_does_not_answer(call: Call, session: Session, admin: User) -> None:
    stranger = factories.make_user(session)
    call(admin, "POST", "/extensions", {"number": "101", "user_id": stranger.id}, status=404)


def test_users_only_look(call: Call, organization: Organization, user: User) -> None:
    for method, path in (("POST", "/numbers"), ("DELETE", "/numbers/x"), ("POST", "/extensions")):
        call(user, method, path, {}, status=403)
