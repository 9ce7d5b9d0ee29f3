"""The login endpoints, as a client sees them."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from opbx.database import utcnow
from opbx.identity.models import ApiToken, OrganizationStatus, Role, User, UserStatus
from tests import factories


def log_in(client: FlaskClient, email: str, password: str = factories.PASSWORD) -> TestResponse:
    return client.post("/api/v1/auth/login", json={"email": email, "password": password})


def test_login_gives_a_token_that_works(client: FlaskClient, user: User) -> None:
    answer = log_in(client, user.email.upper())
    assert answer.status_code == 200
    assert answer.json is not None
    assert answer.json["token_type"] == "Bearer"
    assert answer.json["expires_in"] == 43_200
    assert answer.json["user"] == {
        "id": user.id,
        "organization_id": user.organization_id,
        "name": user.name,
        "email": user.email,
        "role": "pbx_user",
        "status": "active",
    }
    me = client.get("/api/v1/auth/me", headers=factories.bearer(answer.json["access_token"]))
    assert me.status_code == 200
    seen = me.get_json()
    assert 43_190 < seen.pop("expires_in") <= 43_200
    assert seen == answer.json["user"] | {
        "organization": {
            "id": user.organization_id,
            "name": user.organization.name,
            "slug": user.organization.slug,
            "status": "active",
            "timezone": "UTC",
        }
    }


def test_a_second_login_keeps_the_first(client: FlaskClient, user: User) -> None:
    tokens = [log_in(client, user.email).get_json()["access_token"] for _ in range(2)]
    assert len(set(tokens)) == 2
    for token in tokens:
        assert client.get("/api/v1/auth/me", headers=factories.bearer(token)).status_code == 200


@pytest.mark.parametrize("email", ["nobody@opbx.test", "no address at all", None])
def test_wrong_password_and_unknown_user_look_alike(client: FlaskClient, user: User, email: str | None) -> None:
    answer = log_in(client, email or user.email, "wrong")
    assert answer.status_code == 401
    assert answer.get_json()["error"]["code"] == "INVALID_CREDENTIALS"


def test_a_deactivated_account_is_told_so_only_with_its_password(
    client: FlaskClient, session: Session, headers: dict[str, str], user: User
) -> None:
    user.status = UserStatus.INACTIVE
    session.commit()
    assert log_in(client, user.email, "wrong").status_code == 401
    for answer in (log_in(client, user.email), client.get("/api/v1/auth/me", headers=headers)):
        assert answer.status_code == 403
        assert answer.get_json()["error"]["code"] == "ACCOUNT_INACTIVE"


def test_a_suspended_organization_lets_nobody_in(
    client: FlaskClient, session: Session, headers: dict[str, str], user: User
) -> None:
    user.organization.status = OrganizationStatus.SUSPENDED
    session.commit()
    for answer in (log_in(client, user.email), client.get("/api/v1/auth/me", headers=headers)):
        assert answer.status_code == 403
        assert answer.get_json()["error"]["code"] == "ORGANIZATION_INACTIVE"


def test_logout_revokes_this_token_alone(client: FlaskClient, session: Session, user: User) -> None:
    first, second = (factories.bearer(factories.make_token(session, user)) for _ in range(2))
    answer = client.post("/api/v1/auth/logout", headers=first)
    assert (answer.status_code, answer.data) == (204, b"")
    assert client.get("/api/v1/auth/me", headers=first).status_code == 401
    assert client.get("/api/v1/auth/me", headers=second).status_code == 200


def test_refresh_gives_the_token_another_secret(
    client: FlaskClient, session: Session, headers: dict[str, str], user: User
) -> None:
    before = session.scalars(select(ApiToken.id)).one()
    answer = client.post("/api/v1/auth/refresh", headers=headers)
    assert answer.status_code == 200
    assert answer.get_json()["user"]["id"] == user.id
    assert answer.get_json()["expires_in"] == 43_200
    for path in ("auth/refresh", "auth/logout"):
        assert client.post(f"/api/v1/{path}", headers=headers).status_code == 401
    fresh = factories.bearer(answer.get_json()["access_token"])
    assert client.get("/api/v1/auth/me", headers=fresh).status_code == 200
    session.rollback()
    session.expire_all()
    after = session.scalars(select(ApiToken)).one()
    assert (after.id, after.revoked_at) == (before, None)
    assert after.refreshed_at is not None
    assert timedelta(seconds=43_190) < after.expires_at - utcnow() <= timedelta(seconds=43_200)


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer  ", "Basic dXNlcjpwdw==", "Bearer wrong", "Bearer \xff\xfe"]
)
def test_without_a_valid_token_there_is_a_challenge(client: FlaskClient, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = client.get("/api/v1/auth/me", headers=headers)
    assert answer.status_code == 401
    assert answer.get_json()["error"]["code"] == "UNAUTHENTICATED"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_an_expired_token_is_refused(client: FlaskClient, session: Session, user: User) -> None:
    headers = factories.bearer(factories.make_token(session, user, lifetime=-1))
    answer = client.get("/api/v1/auth/me", headers=headers)
    assert answer.status_code == 401
    assert "expired" in answer.get_json()["error"]["message"]
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_the_last_use_is_written_at_most_once_a_minute(
    client: FlaskClient, session: Session, headers: dict[str, str]
) -> None:
    def last_use() -> object:
        session.rollback()
        return session.scalar(select(ApiToken.last_used_at))

    client.get("/api/v1/auth/me", headers=headers)
    first = last_use()
    assert first is not None
    client.get("/api/v1/auth/me", headers=headers)
    assert last_use() == first
    token = session.scalars(select(ApiToken)).one()
    token.last_used_at = utcnow() - timedelta(minutes=1)
    session.commit()
    client.get("/api/v1/auth/me", headers=headers)
    assert last_use() != first


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"", "application/json", 400),
        (b'{"email":"\xff","password":"x"}', "application/json", 400),
        (b'{"email":"\\ud800","password":"x"}', "application/json", 400),
        (b"[" * 60_000, "application/json", 400),
        (b"null", "application/json", 422),
        (b"[]", "application/json", 422),
        (b'"text"', "application/json", 422),
        (b"{}", "application/json", 422),
        (b'{"email":1,"password":[]}', "application/json", 422),
        (b'{"email":"a\\u0000b","password":"x"}', "application/json", 422),
        (b'{"email":"","password":""}', "application/json", 422),
        (b'{"email":"a@b.test","password":"x"}', "text/plain", 415),
        (b"email=a&password=b", "application/x-www-form-urlencoded", 415),
        (b"x" * 10_000_000, "application/json", 413),
    ],
)
def test_bad_bodies_are_refused_in_the_envelope(
    client: FlaskClient, body: bytes, content_type: str, status: int
) -> None:
    answer = client.post("/api/v1/auth/login", data=body, content_type=content_type)
    assert answer.status_code == status
    error = answer.get_json()["error"]
    assert error.keys() == {"code", "message", "details", "request_id"}
    assert error["request_id"] == answer.headers["X-Request-Id"]


def test_field_errors_are_named(client: FlaskClient) -> None:
    answer = client.post("/api/v1/auth/login", json={"email": 7})
    assert answer.get_json()["error"]["details"].keys() == {"email", "password"}


def test_roles_are_shown_by_value(client: FlaskClient, session: Session) -> None:
    owner = factories.make_user(session, role=Role.OWNER)
    headers = factories.bearer(factories.make_token(session, owner))
    assert client.get("/api/v1/auth/me", headers=headers).get_json()["role"] == "owner"
