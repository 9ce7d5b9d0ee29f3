"""/api/v1/tokens: a caller's logins and programs, and those of everybody for owners."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from opbx.database import utcnow
from opbx.identity.models import ApiToken, AuditEntry, Role, TokenKind, User
from opbx.identity.tokens import digest
from tests import factories
from tests.administration.conftest import Call


@pytest.fixture
def program(session: Session, user: User) -> dict[str, str]:
    return factories.bearer(factories.make_token(session, user, kind=TokenKind.API))


def test_a_token_is_shown_once_and_works(client: FlaskClient, session: Session, call: Call, user: User) -> None:
    made = call(user, "POST", "/tokens", {"name": "Wallboard", "days": 30}, status=201).get_json()
    plain, token = made["access_token"], made["token"]
    assert (token["kind"], token["name"], token["user"]["email"]) == ("api", "Wallboard", user.email)
    assert plain not in str(token)
    record = session.scalars(select(ApiToken).where(ApiToken.kind == TokenKind.API)).one()
    assert record.token_hash == digest(plain)
    assert timedelta(days=29, hours=23) < record.expires_at - utcnow() <= timedelta(days=30)
    listed = client.get("/api/v1/tokens", headers=factories.bearer(plain)).get_json()["data"]
    assert {(entry["kind"], entry["current"]) for entry in listed} == {("login", False), ("api", True)}


def test_a_program_makes_no_tokens(client: FlaskClient, session: Session, program: dict[str, str]) -> None:
    answer = client.post("/api/v1/tokens", json={"name": "more"}, headers=program)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (403, "LOGIN_REQUIRED")
    assert len(session.scalars(select(ApiToken)).all()) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "name"), ({"name": ""}, "name"), ({"name": "x", "days": 0}, "days"), ({"name": "x", "days": 366}, "days"),
     ({"name": "x", "days": "7"}, "days"), ({"name": "x", "role": "owner"}, "role")],
)  # fmt: skip
def test_unusable_fields_are_named(call: Call, user: User, body: dict[str, Any], field: str) -> None:
    refused = call(user, "POST", "/tokens", body, status=422)
    assert refused.get_json()["error"]["details"].keys() == {field}


def test_a_revoked_token_is_of_no_use(
    client: FlaskClient, session: Session, call: Call, user: User, program: dict[str, str]
) -> None:
    token_id = session.scalars(select(ApiToken.id).where(ApiToken.kind == TokenKind.API)).one()
    call(user, "DELETE", f"/tokens/{token_id}", status=204)
    assert client.get("/api/v1/auth/me", headers=program).status_code == 401
    call(user, "DELETE", f"/tokens/{token_id}", status=404)
    entry = session.scalars(select(AuditEntry)).one()
    assert (entry.action, entry.actor, entry.details) == (
        "token.revoked",
        user.email,
        {"kind": "api", "of": user.email},
    )


def test_only_owners_see_and_revoke_those_of_others(
    session: Session, call: Call, user: User, owner: User, admin: User, program: dict[str, str]
) -> None:
    stranger = factories.make_user(session, role=Role.OWNER)
    token = session.scalars(select(ApiToken).where(ApiToken.kind == TokenKind.API)).one()
    for caller in (admin, user):
        call(caller, "GET", "/tokens?all=true", status=403)
    for caller in (admin, stranger):
        call(caller, "DELETE", f"/tokens/{token.id}", status=404)
    of = {entry["user"]["email"] for entry in call(owner, "GET", "/tokens?all=true", status=200).get_json()["data"]}
    assert of == {user.email, owner.email, admin.email}
    of = {entry["user"]["email"] for entry in call(owner, "GET", "/tokens", status=200).get_json()["data"]}
    assert of == {owner.email}
    call(owner, "DELETE", f"/tokens/{token.id}", status=204)
    call(owner, "DELETE", "/tokens/nonsense", status=404)


def test_what_is_over_is_not_listed(session: Session, call: Call, user: User) -> None:
    factories.make_token(session, user, lifetime=-1)
    assert [token["current"] for token in call(user, "GET", "/tokens").get_json()["data"]] == [True]
