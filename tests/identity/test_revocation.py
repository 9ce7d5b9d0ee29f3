"""Who is told that sockets are to end, when, and what happens while nobody can be told."""

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import fakeredis
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from opbx.backplane import control
from opbx.backplane.control import Extend, Order, Terminate
from opbx.backplane.records import Record
from opbx.database import utcnow
from opbx.extensions import db
from opbx.identity import accounts, revocation, tokens
from opbx.identity.models import ApiToken, Organization, OrganizationStatus, Role, User, UserStatus
from opbx.identity.revocation import REPEATED, Orders, create_orders, order_after_commit, standing_orders
from opbx.settings import Settings
from tests import factories

NOW = utcnow()


class SentOrders:
    """Remembers instead of sending."""

    def __init__(self) -> None:
        self.sent: list[Order] = []

    def send(self, orders: list[Order]) -> None:
        self.sent += orders


@pytest.fixture
def sent(app: Flask) -> list[Order]:
    orders = SentOrders()
    app.extensions["opbx_orders"] = orders
    return orders.sent


@pytest.fixture
def run(app: Flask) -> Callable[..., None]:
    def run(*arguments: str) -> None:
        result = app.test_cli_runner().invoke(args=arguments)
        assert result.exit_code == 0, result.output

    return run


def token_of(session: Session) -> ApiToken:
    session.rollback()
    return session.scalars(select(ApiToken)).one()


def read_anew(session: Session, row: User | Organization) -> None:
    session.rollback()
    session.refresh(row)


def test_logging_out_ends_the_token_s_sockets(
    client: FlaskClient, session: Session, headers: dict[str, str], sent: list[Order]
) -> None:
    client.post("/api/v1/auth/logout", headers=headers)
    assert sent == [Terminate("token", token_of(session).id)]


def test_refreshing_extends_them(
    client: FlaskClient, session: Session, headers: dict[str, str], sent: list[Order]
) -> None:
    before = token_of(session).id
    client.post("/api/v1/auth/refresh", headers=headers)
    token = token_of(session)
    assert token.id == before
    assert sent == [Extend(token.id, token.expires_at.timestamp())]


def test_what_is_refused_orders_nothing(client: FlaskClient, headers: dict[str, str], sent: list[Order]) -> None:
    client.post("/api/v1/auth/logout", headers=headers)
    sent.clear()
    for path in ("logout", "refresh"):
        assert client.post(f"/api/v1/auth/{path}", headers=headers).status_code == 401
    assert sent == []


def test_switching_a_user_off_and_on(run: Callable[..., None], session: Session, user: User, sent: list[Order]) -> None:
    run("users", "deactivate", user.email)
    assert sent == [Terminate("user", user.id)]
    read_anew(session, user)
    assert (user.status, user.deactivated_at is None) == (UserStatus.INACTIVE, False)
    run("users", "activate", user.email)
    read_anew(session, user)
    assert (user.status, user.deactivated_at is None) == (UserStatus.ACTIVE, True)
    assert len(sent) == 1


def test_an_owner_switching_a_user_off_and_revoking_a_token(
    client: FlaskClient, session: Session, user: User, headers: dict[str, str], sent: list[Order]
) -> None:
    owner = factories.make_user(session, user.organization, role=Role.OWNER)
    of_owner = factories.bearer(factories.make_token(session, owner))
    token = session.scalars(select(ApiToken).where(ApiToken.user_id == user.id)).one()
    session.rollback()
    client.delete(f"/api/v1/tokens/{token.id}", headers=of_owner)
    client.post(f"/api/v1/users/{user.id}/deactivate", headers=of_owner)
    assert sent == [Terminate("token", token.id), Terminate("user", user.id)]


def test_a_new_password_ends_the_sockets_of_other_logins(
    client: FlaskClient, session: Session, user: User, headers: dict[str, str], sent: list[Order]
) -> None:
    other = tokens.issue(session, user.id, name="other", lifetime=60).record
    session.commit()
    body = {"current_password": factories.PASSWORD, "new_password": "another password"}
    assert client.post("/api/v1/auth/password", json=body, headers=headers).status_code == 204
    assert sent == [Terminate("token", other.id)]


def test_suspending_an_organization_and_back(
    run: Callable[..., None], session: Session, organization: Organization, sent: list[Order]
) -> None:
    run("organizations", "suspend", organization.slug)
    assert sent == [Terminate("organization", organization.id)]
    read_anew(session, organization)
    assert (organization.status, organization.suspended_at is None) == (OrganizationStatus.SUSPENDED, False)
    run("organizations", "activate", organization.domain)
    read_anew(session, organization)
    assert (organization.status, organization.suspended_at is None) == (OrganizationStatus.ACTIVE, True)
    assert len(sent) == 1


def test_nothing_is_ordered_before_the_commit_or_after_a_rollback(app: Flask, user: User, sent: list[Order]) -> None:
    with app.app_context():
        session = db.session
        accounts.deactivate_user(session, user.email)
        assert sent == []
        session.rollback()
        assert sent == []
        for _ in range(2):
            accounts.deactivate_user(session, user.email)
        session.commit()
        assert sent == [Terminate("user", user.id)]


class TestStanding:
    """What is repeated."""

    @pytest.fixture
    def token(self, session: Session, user: User) -> ApiToken:
        return tokens.issue(session, user.id, name="", lifetime=3600).record

    @staticmethod
    def standing(session: Session) -> list[Order]:
        session.commit()
        return list(standing_orders(session, NOW))

    def test_nothing_of_those_who_are_well(self, session: Session, token: ApiToken) -> None:
        assert self.standing(session) == []

    @pytest.mark.parametrize(
        ("at", "repeated"),
        [(NOW, True), (NOW - REPEATED + timedelta(seconds=1), True), (NOW - REPEATED, False)],
    )
    def test_the_ends_of_the_last_hour(
        self,
        session: Session,
        organization: Organization,
        user: User,
        token: ApiToken,
        at: datetime,
        repeated: bool,
    ) -> None:
        organization.suspended_at = user.deactivated_at = token.revoked_at = at
        orders = [Terminate("organization", organization.id), Terminate("user", user.id)]
        assert self.standing(session) == ([*orders, Terminate("token", token.id)] if repeated else [])

    def test_extensions_of_tokens_that_are_still_good(self, session: Session, token: ApiToken) -> None:
        token.refreshed_at = NOW
        assert self.standing(session) == [Extend(token.id, token.expires_at.timestamp())]
        token.revoked_at = NOW
        assert self.standing(session) == [Terminate("token", token.id)]

    def test_nothing_of_tokens_that_the_relays_see_expire(self, session: Session, token: ApiToken) -> None:
        token.refreshed_at = token.revoked_at = NOW
        token.expires_at = NOW
        assert self.standing(session) == []


class TestSending:
    def test_orders_arrive_as_they_were_given(
        self, redis: fakeredis.FakeRedis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        batches: list[tuple[Order, ...]] = []
        monkeypatch.setattr(revocation, "send", lambda _redis, *orders: batches.append(orders))
        monkeypatch.setattr(revocation, "BATCH", 2)
        orders: list[Order] = [Terminate("token", str(number)) for number in range(5)]
        Orders(redis).send(orders)
        assert [len(batch) for batch in batches] == [2, 2, 1]
        assert [order for batch in batches for order in batch] == orders

    def test_nothing_to_send_asks_nobody(self, settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
        create_orders(settings).send([])
        assert caplog.records == []

    @pytest.fixture
    def hung(self) -> Iterator[str]:
        """A Redis that takes connections and never answers."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"

    def test_a_redis_that_is_away_or_hangs_is_not_waited_for(self, settings: Settings, hung: str) -> None:
        for url in (settings.redis_url, hung):
            orders = create_orders(replace(settings, redis_url=url, redis_timeout=0.3))
            for _ in range(2):
                started = time.monotonic()
                orders.send([Terminate("token", "t")])
                assert time.monotonic() - started < 0.35

    def test_a_request_does_not_fail_for_it(self, client: FlaskClient, headers: dict[str, str]) -> None:
        assert client.post("/api/v1/auth/logout", headers=headers).status_code == 204


def test_a_session_without_listeners_just_commits(session: Session) -> None:
    order_after_commit(session, Terminate("token", "t"))
    session.commit()


def test_orders_can_be_read_by_the_relays() -> None:
    orders: list[Any] = [Terminate("token", "t"), Terminate("user", "u"), Terminate("organization", "o")]
    for order in [*orders, Extend("t", NOW.timestamp())]:
        record = Record.decode(control.order_call(order).arguments[-1])  # type: ignore[arg-type]
        assert control.read_order(record) == order
