"""How often somebody may try to log in, and that nobody learns from it who exists."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from opbx import create_app
from opbx.identity import passwords
from opbx.identity.models import User, UserStatus
from opbx.settings import Settings
from tests import factories

ELSEWHERE = {"REMOTE_ADDR": "203.0.113.9"}


def try_in(client: FlaskClient, email: str, password: str = "wrong", environ: dict[str, str] | None = None) -> int:
    body = {"email": email, "password": password}
    return client.post("/api/v1/auth/login", json=body, environ_base=environ or {}).status_code


@pytest.mark.parametrize("known", [True, False])
def test_five_tries_a_minute_for_an_account_from_an_address(client: FlaskClient, user: User, known: bool) -> None:
    email = user.email if known else "nobody@opbx.test"
    assert [try_in(client, email) for _ in range(6)] == [401] * 5 + [429]
    assert try_in(client, f" {email.upper()}", factories.PASSWORD) == 429  # however it is written, and though right
    assert try_in(client, "other@opbx.test") == 401
    assert try_in(client, email, factories.PASSWORD, ELSEWHERE) == (200 if known else 401)


def test_an_address_tries_no_more_for_trying_many_accounts(settings: Settings) -> None:
    client = create_app(replace(settings, login_total_rate_limit="3/minute")).test_client()
    assert [try_in(client, f"user-{number}@opbx.test") for number in range(4)] == [401] * 3 + [429]
    assert try_in(client, "user-9@opbx.test", environ=ELSEWHERE) == 401


def test_an_account_is_tried_no_more_from_many_addresses(settings: Settings, user: User) -> None:
    client = create_app(replace(settings, login_total_rate_limit="3/minute")).test_client()
    tried = [try_in(client, user.email, environ={"REMOTE_ADDR": f"203.0.113.{number}"}) for number in range(4)]
    assert tried == [401] * 3 + [429]


def test_a_current_password_is_tried_five_times(client: FlaskClient, headers: dict[str, str]) -> None:
    body = {"current_password": "wrong", "new_password": "a new password"}
    tried = [client.post("/api/v1/auth/password", json=body, headers=headers).status_code for _ in range(6)]
    assert tried == [403] * 5 + [429]


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'{"email":{}}', b'{"email":"\\ud800"}'])
def test_bodies_that_name_nobody_are_told_what_is_wrong(client: FlaskClient, body: bytes) -> None:
    answer = client.post("/api/v1/auth/login", data=body, content_type="application/json")
    assert answer.status_code in {400, 422}


def test_unknown_and_known_cost_the_same(
    client: FlaskClient, session: Session, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hash is what takes the time: whoever is asked for, one is made."""
    invited = factories.make_user(session, status=UserStatus.INVITED)
    worked: list[Callable[[], Any]] = []
    real = passwords._off_loop

    def off_loop(work: Callable[[], Any]) -> Any:
        worked.append(work)
        return real(work)

    monkeypatch.setattr(passwords, "_off_loop", off_loop)
    for email in (user.email, "nobody@opbx.test", invited.email):
        worked.clear()
        assert try_in(client, email) == 401
        assert len(worked) == 1
