"""Pages of other origins: those that are allowed read the API's answers, all others read nothing."""

from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from opbx import create_app
from opbx.identity.models import User
from opbx.settings import Settings, SettingsError
from tests import factories

FRIEND = "https://wallboard.test"


@pytest.fixture
def client(settings: Settings) -> FlaskClient:
    return create_app(replace(settings, cors_allowed_origins=(FRIEND,))).test_client()


def test_an_allowed_page_is_let_through(client: FlaskClient, headers: dict[str, str]) -> None:
    asked = {
        "Origin": FRIEND,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    for path in ("/broadcasting/auth", "/api/v1/auth/login", "/api/v1/users/x"):
        before = client.options(path, headers=asked)
        assert before.status_code == 200
        assert before.headers["Access-Control-Allow-Origin"] == FRIEND
        assert "Authorization" in before.headers["Access-Control-Allow-Headers"]
        assert "POST" in before.headers["Access-Control-Allow-Methods"]
    answer = client.get("/api/v1/auth/me", headers=headers | {"Origin": FRIEND})
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == FRIEND
    assert "Origin" in answer.headers["Vary"]
    refused = client.get("/api/v1/auth/me", headers={"Origin": FRIEND})
    assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (401, FRIEND)


@pytest.mark.parametrize("origin", ["https://evil.test", "http://wallboard.test", f"{FRIEND}.evil.test", "null", ""])
def test_others_read_nothing(client: FlaskClient, headers: dict[str, str], origin: str) -> None:
    for method in ("GET", "OPTIONS"):
        answer = client.open("/api/v1/auth/me", method=method, headers=headers | {"Origin": origin})
        assert not [name for name in answer.headers.keys() if name.startswith("Access-Control")]  # noqa: SIM118
        assert "Origin" in answer.headers["Vary"]


def test_no_page_sends_the_session_along(client: FlaskClient, user: User) -> None:
    body = {"email": user.email, "password": factories.PASSWORD}
    answer = client.post("/api/v1/auth/login", json=body, headers={"Origin": FRIEND})
    assert answer.status_code == 200
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "Set-Cookie" not in answer.headers


def test_webhooks_and_pages_are_not_shared(client: FlaskClient) -> None:
    for path in ("/api/webhooks/cloudonix/cdr", "/"):
        assert "Access-Control-Allow-Origin" not in client.options(path, headers={"Origin": FRIEND}).headers


def test_without_the_setting_nobody_is_let_through(settings: Settings, headers: dict[str, str]) -> None:
    answer = create_app(settings).test_client().get("/api/v1/auth/me", headers=headers | {"Origin": FRIEND})
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("origin", ["wallboard.test", "https://wallboard.test/", "https://wallboard.test/path"])
def test_what_is_no_origin_is_refused(settings: Settings, origin: str) -> None:
    with pytest.raises(SettingsError, match="CORS_ALLOWED_ORIGINS"):
        create_app(replace(settings, cors_allowed_origins=(origin,)))
