"""/api/v1/users: who may invite, change and switch off whom, and that an owner is always left."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from opbx import create_app
from opbx.database import open_engine, utcnow
from opbx.identity import invitations
from opbx.identity.models import ApiToken, AuditEntry, Organization, Role, TokenKind, User, UserStatus
from opbx.identity.tokens import digest
from opbx.settings import Settings
from tests import factories
from tests.administration.conftest import Call

NEW = {"name": "Ann", "email": "Ann@opbx.test", "role": "pbx_user"}
PASSWORD = "a password of their own"


def accept(client: FlaskClient, token: str, password: str = PASSWORD) -> Any:
    return client.post("/api/v1/auth/invitation/accept", json={"token": token, "password": password})


def log_in(client: FlaskClient, email: str, password: str) -> int:
    return client.post("/api/v1/auth/login", json={"email": email, "password": password}).status_code


def test_an_invited_user_chooses_a_password_and_is_in(
    client: FlaskClient, session: Session, call: Call, owner: User
) -> None:
    invited = call(owner, "POST", "/users", NEW, status=201).get_json()
    assert (invited["user"]["email"], invited["user"]["status"]) == ("ann@opbx.test", "invited")
    token = invited["invitation"]["token"]
    assert invited["invitation"]["url"] == f"http://localhost/invitation#{token}"
    assert log_in(client, "ann@opbx.test", token) == 401

    shown = client.post("/api/v1/auth/invitation", json={"token": token})
    assert shown.get_json() == {"name": "Ann", "email": "ann@opbx.test", "organization": owner.organization.name}
    answer = accept(client, token)
    assert answer.status_code == 200
    assert answer.get_json()["user"]["status"] == "active"
    me = client.get("/api/v1/auth/me", headers=factories.bearer(answer.get_json()["access_token"]))
    assert me.get_json()["email"] == "ann@opbx.test"
    assert log_in(client, "ann@opbx.test", PASSWORD) == 200
    assert accept(client, token).status_code == 410  # good for one use
    session.rollback()
    user = session.scalars(select(User).where(User.email == "ann@opbx.test")).one()
    assert user.invitation_hash is None


def test_a_link_is_stored_hashed_and_ends(client: FlaskClient, session: Session, call: Call, owner: User) -> None:
    first = call(owner, "POST", "/users", NEW).get_json()
    path = f"/users/{first['user']['id']}"
    second = call(owner, "POST", f"{path}/invitation", status=201).get_json()
    user = session.get_one(User, first["user"]["id"])
    assert user.invitation_hash == digest(second["invitation"]["token"])
    assert accept(client, first["invitation"]["token"]).status_code == 410  # replaced
    user.invitation_expires_at = utcnow() - timedelta(seconds=1)
    session.commit()
    assert accept(client, second["invitation"]["token"]).status_code == 410
    user.invitation_expires_at = utcnow() + invitations.LIFETIME
    session.commit()
    call(owner, "POST", f"{path}/deactivate", status=200)
    assert accept(client, second["invitation"]["token"]).status_code == 410
    call(owner, "POST", f"{path}/invitation", status=409)


@pytest.mark.parametrize("token", ["unknown", "x" * 101, "", 7])
def test_unknown_links(client: FlaskClient, token: Any) -> None:
    for path in ("invitation", "invitation/accept"):
        answer = client.post(f"/api/v1/auth/{path}", json={"token": token, "password": PASSWORD})
        assert answer.status_code in {410, 422}


def test_a_forgotten_password_is_set_anew_and_ends_what_was_open(
    client: FlaskClient, session: Session, call: Call, owner: User, user: User
) -> None:
    old = [
        factories.bearer(factories.make_token(session, user, kind=kind)) for kind in (TokenKind.LOGIN, TokenKind.API)
    ]
    link = call(owner, "POST", f"/users/{user.id}/invitation").get_json()["invitation"]["token"]
    assert log_in(client, user.email, factories.PASSWORD) == 200  # until the link is used
    assert accept(client, link).status_code == 200
    assert [client.get("/api/v1/auth/me", headers=headers).status_code for headers in old] == [401, 401]
    assert log_in(client, user.email, factories.PASSWORD) == 401
    assert log_in(client, user.email, PASSWORD) == 200


def test_users_are_listed_by_name(call: Call, session: Session, organization: Organization, owner: User) -> None:
    for name in ("bea", "Zoe", "Ann"):
        factories.make_user(session, organization, name=name)
    factories.make_user(session, name="Stranger")
    names = [user["name"] for user in call(owner, "GET", "/users", status=200).get_json()["data"]]
    assert names == ["Ann", "bea", owner.name, "Zoe"]


@pytest.mark.parametrize("role", [Role.PBX_USER, Role.REPORTER])
def test_others_manage_nobody(call: Call, session: Session, organization: Organization, role: Role) -> None:
    caller = factories.make_user(session, organization, role=role)
    other = factories.make_user(session, organization)
    path = f"/users/{other.id}"
    for method, place in (
        ("GET", "/users"), ("POST", "/users"), ("GET", path), ("PATCH", path), ("POST", f"{path}/deactivate"),
        ("POST", f"{path}/activate"), ("POST", f"{path}/invitation"),
    ):  # fmt: skip
        assert call(caller, method, place, {}, status=403).get_json()["error"]["code"] == "FORBIDDEN"
    assert session.get_one(User, other.id).status is UserStatus.ACTIVE


def test_a_strangers_id_is_unknown(call: Call, session: Session, owner: User) -> None:
    stranger = factories.make_user(session)
    for user_id in (stranger.id, str(uuid4()), "nonsense", "%00"):
        for method, place in (("GET", ""), ("PATCH", ""), ("POST", "/deactivate"), ("POST", "/invitation")):
            call(owner, method, f"/users/{user_id}{place}", {}, status=404)
    assert session.get_one(User, stranger.id).status is UserStatus.ACTIVE


def test_an_administrator_neither_makes_nor_changes_owners(
    call: Call, session: Session, owner: User, admin: User, user: User
) -> None:
    call(admin, "POST", "/users", NEW | {"role": "owner"}, status=403)
    call(admin, "PATCH", f"/users/{user.id}", {"role": "owner"}, status=403)
    call(admin, "PATCH", f"/users/{owner.id}", {"role": "reporter"}, status=403)
    call(admin, "PATCH", f"/users/{owner.id}", {"name": "Fool"}, status=403)
    call(admin, "POST", f"/users/{owner.id}/deactivate", status=403)
    call(admin, "POST", f"/users/{owner.id}/invitation", status=403)
    assert session.get_one(User, owner.id).role is Role.OWNER
    call(admin, "PATCH", f"/users/{user.id}", {"role": "pbx_admin"}, status=200)
    call(admin, "POST", "/users", NEW, status=201)


def test_the_last_owner_stays(call: Call, session: Session, organization: Organization, owner: User) -> None:
    factories.make_user(session, organization, role=Role.OWNER, status=UserStatus.INACTIVE)
    factories.make_user(session, role=Role.OWNER)
    refused = call(owner, "PATCH", f"/users/{owner.id}", {"role": "pbx_admin"}, status=409)
    assert refused.get_json()["error"]["code"] == "CONFLICT"
    call(owner, "POST", f"/users/{owner.id}/deactivate", status=409)
    second = factories.make_user(session, organization, role=Role.OWNER)
    call(second, "POST", f"/users/{owner.id}/deactivate", status=200)
    call(second, "PATCH", f"/users/{second.id}", {"role": "pbx_user"}, status=409)
    call(second, "POST", f"/users/{owner.id}/activate", status=200)
    call(second, "PATCH", f"/users/{second.id}", {"role": "pbx_user"}, status=200)


def test_a_deactivated_user_is_out_until_activated(
    client: FlaskClient, session: Session, call: Call, owner: User, user: User, headers: dict[str, str]
) -> None:
    answer = call(owner, "POST", f"/users/{user.id}/deactivate", status=200).get_json()
    assert answer["status"] == "inactive"
    assert answer["deactivated_at"].endswith("Z")
    assert client.get("/api/v1/auth/me", headers=headers).status_code == 403
    call(owner, "POST", f"/users/{user.id}/activate", status=200)
    assert client.get("/api/v1/auth/me", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (NEW | {"email": "no address"}, "email"),
        (NEW | {"name": "two\nlines"}, "name"),
        (NEW | {"role": "king"}, "role"),
        (NEW | {"password": "x"}, "password"),
        ({"name": "Ann", "role": "owner"}, "email"),
    ],
)
def test_unusable_fields_are_named(call: Call, owner: User, body: dict[str, str], field: str) -> None:
    refused = call(owner, "POST", "/users", body, status=422)
    assert refused.get_json()["error"]["details"].keys() == {field}


def test_an_address_is_used_once(call: Call, owner: User, user: User) -> None:
    refused = call(owner, "POST", "/users", NEW | {"email": user.email.upper()}, status=409)
    assert refused.get_json()["error"]["code"] == "TAKEN"


class TestPassword:
    def test_a_change_ends_the_other_logins(
        self, client: FlaskClient, session: Session, user: User, headers: dict[str, str]
    ) -> None:
        login = factories.bearer(factories.make_token(session, user))
        program = factories.bearer(factories.make_token(session, user, kind=TokenKind.API))
        body = {"current_password": factories.PASSWORD, "new_password": PASSWORD}
        assert client.post("/api/v1/auth/password", json=body, headers=headers).status_code == 204
        seen = [client.get("/api/v1/auth/me", headers=bearer).status_code for bearer in (headers, login, program)]
        assert seen == [200, 401, 200]
        assert log_in(client, user.email, PASSWORD) == 200

    def test_the_current_one_is_asked_for(self, client: FlaskClient, headers: dict[str, str], user: User) -> None:
        body = {"current_password": "wrong", "new_password": PASSWORD}
        answer = client.post("/api/v1/auth/password", json=body, headers=headers)
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (403, "WRONG_PASSWORD")
        short = {"current_password": factories.PASSWORD, "new_password": "short"}
        assert client.post("/api/v1/auth/password", json=short, headers=headers).status_code == 422
        assert log_in(client, user.email, factories.PASSWORD) == 200

    def test_a_programs_token_does_not_take_the_account_over(
        self, client: FlaskClient, session: Session, user: User
    ) -> None:
        program = factories.bearer(factories.make_token(session, user, kind=TokenKind.API))
        body = {"current_password": factories.PASSWORD, "new_password": PASSWORD}
        for path, given in (("password", body), ("refresh", None)):
            answer = client.post(f"/api/v1/auth/{path}", json=given, headers=program)
            assert (answer.status_code, answer.get_json()["error"]["code"]) == (403, "LOGIN_REQUIRED")
        assert session.scalars(select(ApiToken)).one().refreshed_at is None


def test_a_programs_token_makes_no_users_and_no_roles(
    client: FlaskClient, session: Session, owner: User, user: User
) -> None:
    program = factories.bearer(factories.make_token(session, owner, kind=TokenKind.API))
    for method, path, body in (
        ("POST", "users", NEW | {"role": "owner"}),
        ("POST", f"users/{owner.id}/invitation", None),
        ("PATCH", f"users/{user.id}", {"role": "owner"}),
    ):
        answer = client.open(f"/api/v1/{path}", method=method, json=body, headers=program)
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (403, "LOGIN_REQUIRED")
    renamed = client.patch(f"/api/v1/users/{user.id}", json={"name": "Ann"}, headers=program)
    assert renamed.status_code == 200
    session.rollback()
    session.expire_all()
    assert [person.role for person in session.scalars(select(User)) if person.role is Role.OWNER] == [Role.OWNER]
    assert session.get_one(User, owner.id).invitation_hash is None


def test_who_did_it_is_written_down(
    client: FlaskClient, call: Call, session: Session, owner: User, admin: User
) -> None:
    user_id = call(admin, "POST", "/users", NEW).get_json()["user"]["id"]
    call(owner, "PATCH", f"/users/{user_id}", {"role": "reporter", "name": "Ann"})
    call(owner, "PATCH", f"/users/{user_id}", {"role": "reporter"})  # changes nothing
    log_in(client, owner.email, "wrong")
    log_in(client, "nobody@opbx.test", "wrong")
    session.rollback()
    entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [(entry.action, entry.actor, entry.subject, entry.details) for entry in entries] == [
        ("user.invited", admin.email, "ann@opbx.test", {"role": "pbx_user"}),
        ("user.changed", owner.email, "ann@opbx.test", {"role": {"from": "pbx_user", "to": "reporter"}}),
        ("login.failed", None, owner.email, {}),
        ("login.failed", None, None, {}),
    ]
    assert [entry.organization_id for entry in entries] == [owner.organization_id] * 3 + [None]
    assert {entry.address for entry in entries} == {"127.0.0.1"}


def test_two_owners_do_not_demote_each_other(database_url: str, settings: Settings) -> None:
    """Both ask at once; whoever comes second is the last owner by then, or none any more."""
    app = create_app(replace(settings, database_url=database_url))
    engine = open_engine(database_url)
    with Session(engine, expire_on_commit=False) as session:
        for _ in range(3):
            organization = factories.make_organization(session)
            owners = [factories.make_user(session, organization, role=Role.OWNER) for _ in range(2)]
            headers = [factories.bearer(factories.make_token(session, owner)) for owner in owners]
            together = Barrier(2)

            def demote(by: dict[str, str], whom: User, together: Barrier = together) -> int:
                together.wait(10)
                body = {"role": "pbx_user"}
                return app.test_client().patch(f"/api/v1/users/{whom.id}", json=body, headers=by).status_code

            with ThreadPoolExecutor(2) as pool:
                statuses = sorted(pool.map(demote, headers, reversed(owners)))
            assert statuses in ([200, 403], [200, 409])
            session.rollback()
            left = select(User.id).where(User.organization_id == organization.id, User.role == Role.OWNER)
            assert len(session.scalars(left).all()) == 1
    engine.dispose()
    with app.app_context():
        app.extensions["sqlalchemy"].engine.dispose()
