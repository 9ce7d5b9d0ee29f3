"""The dashboard's session in a cookie: who is given one, what it opens, and what another site cannot do with it."""

from http.cookies import SimpleCookie

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from opbx.identity.models import ApiToken, User
from tests import factories

OWN = {"Origin": "http://localhost"}
#: What browsers say of a request from another site, and of one that they have nothing to say about.
FOREIGN = [
    {"Origin": "http://evil.test"},
    {"Origin": "https://localhost"},
    {"Origin": "http://localhost:8080"},
    {"Origin": "null"},
    {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "http://localhost", "Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {},
]


def log_in(client: FlaskClient, user: User, headers: dict[str, str], **more: str) -> TestResponse:
    body = {"email": user.email, "password": factories.PASSWORD}
    answer = client.post("/api/v1/auth/login", json=body, headers=headers, **more)
    assert answer.status_code == 200
    return answer


@pytest.fixture
def browser(client: FlaskClient, user: User) -> FlaskClient:
    """A client that keeps the cookie of its login."""
    log_in(client, user, OWN)
    return client


@pytest.mark.parametrize("headers", [OWN, {"Sec-Fetch-Site": "same-origin"}])
def test_a_page_of_ours_is_given_a_cookie(client: FlaskClient, user: User, headers: dict[str, str]) -> None:
    answer = log_in(client, user, headers)
    morsel = SimpleCookie(answer.headers["Set-Cookie"])["opbx_session"]
    assert (morsel["httponly"], morsel["samesite"], morsel["path"]) == (True, "Strict", "/")
    assert (morsel["secure"], morsel["max-age"], morsel["domain"]) == ("", "43200", "")
    assert answer.get_json()["access_token"] == morsel.value
    assert client.get("/api/v1/auth/me").status_code == 200


def test_over_tls_the_cookie_is_bound_to_it(client: FlaskClient, user: User) -> None:
    answer = log_in(client, user, {"Sec-Fetch-Site": "same-origin"}, base_url="https://localhost")
    morsel = SimpleCookie(answer.headers["Set-Cookie"])["__Host-opbx_session"]
    assert (morsel["secure"], morsel["path"]) == (True, "/")
    assert client.get("/api/v1/auth/me", base_url="https://localhost").status_code == 200


@pytest.mark.parametrize("headers", FOREIGN)
def test_others_get_the_token_alone(client: FlaskClient, user: User, headers: dict[str, str]) -> None:
    answer = log_in(client, user, headers)
    assert "Set-Cookie" not in answer.headers
    assert answer.get_json()["access_token"]


@pytest.mark.parametrize("headers", FOREIGN)
def test_another_site_changes_nothing_and_subscribes_to_nothing(
    browser: FlaskClient, session: Session, user: User, headers: dict[str, str]
) -> None:
    subscription = {"socket_id": "1.2", "channel_name": f"presence-presence.org.{user.organization_id}"}
    for path, form in (("/broadcasting/auth", subscription), ("/api/v1/auth/logout", {})):
        answer = browser.post(path, data=form, headers=headers)
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (403, "CROSS_SITE_REFUSED")
    assert session.scalars(select(ApiToken)).one().revoked_at is None


def test_our_page_subscribes_with_the_cookie(browser: FlaskClient, user: User) -> None:
    subscription = {"socket_id": "1.2", "channel_name": f"presence-presence.org.{user.organization_id}"}
    answer = browser.post("/broadcasting/auth", data=subscription, headers=OWN)
    assert answer.status_code == 200
    assert answer.get_json()["auth"].startswith("test-key:")


def test_a_refresh_keeps_the_token_in_the_cookie(browser: FlaskClient) -> None:
    answer = browser.post("/api/v1/auth/refresh", headers=OWN)
    assert answer.status_code == 200
    assert answer.get_json()["access_token"] is None
    assert browser.get("/api/v1/auth/me").status_code == 200


def test_a_logout_takes_the_cookie_away(browser: FlaskClient) -> None:
    assert browser.post("/api/v1/auth/logout", headers=OWN).status_code == 204
    assert browser.get_cookie("opbx_session") is None
    assert browser.get("/api/v1/auth/me").status_code == 401


def test_a_bearer_token_counts_before_the_cookie(browser: FlaskClient, session: Session) -> None:
    other = factories.make_user(session)
    headers = factories.bearer(factories.make_token(session, other))
    assert browser.get("/api/v1/auth/me", headers=headers).get_json()["id"] == other.id
    assert browser.post("/api/v1/auth/logout", headers=headers).status_code == 204
    assert browser.get_cookie("opbx_session") is not None


def test_a_stale_cookie_is_no_login(app: Flask) -> None:
    client = app.test_client()
    client.set_cookie("opbx_session", "nonsense")
    assert client.get("/api/v1/auth/me").status_code == 401
