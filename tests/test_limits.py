"""Limits of users and addresses: kept, told when to come again, and open while Redis is away."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from limits import RateLimitItem
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy.orm import Session

from opbx import create_app, limits
from opbx.breaker import Breaker
from opbx.extensions import db
from opbx.identity.models import Organization, User
from opbx.settings import Settings
from tests import factories
from tests.counters import counted
from tests.servers import RedisServer, wait_until

SKIPPED = "opbx_rate_limits_skipped_total"


def client_of(settings: Settings, **limited: str) -> FlaskClient:
    return create_app(replace(settings, **limited)).test_client()  # type: ignore[arg-type]


def test_a_user_has_a_limit_of_its_own(
    settings: Settings, session: Session, organization: Organization, user: User, headers: dict[str, str]
) -> None:
    client = client_of(settings, user_rate_limit="3/minute")
    other = factories.bearer(factories.make_token(session, factories.make_user(session, organization)))
    before = counted("opbx_rate_limited_total", limit="user")
    assert [client.get("/api/v1/auth/me", headers=headers).status_code for _ in range(4)] == [200, 200, 200, 429]
    answer = client.get("/api/v1/auth/me", headers=headers)
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert answer.get_json()["error"]["code"] == "TOO_MANY_REQUESTS"
    assert client.get("/api/v1/auth/me", headers=other).status_code == 200
    assert counted("opbx_rate_limited_total", limit="user") == before + 2


def test_an_address_has_a_limit_over_all_who_share_it(settings: Settings, headers: dict[str, str]) -> None:
    client = client_of(settings, address_rate_limit="3/minute")
    asked: list[dict[str, str]] = [headers, {}, headers]
    assert [client.get("/api/v1/auth/me", headers=h).status_code for h in asked] == [200, 401, 200]
    assert client.get("/api/v1/auth/me", headers=headers).status_code == 429
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    assert client.get("/api/v1/auth/me", headers=headers, environ_overrides=elsewhere).status_code == 200
    assert client.get("/api/v1/health").status_code in {200, 503}, "what is watched is not limited"
    assert client.post("/api/webhooks/cloudonix/cdr", json={}).status_code == 400, "webhooks have their senders' limits"


def test_without_redis_requests_pass_and_are_counted(
    client: FlaskClient, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def away(_limit: Any, _prefix: str, kind: str, _who: str) -> int | None:
        asked.append(kind)
        raise ConnectionError

    monkeypatch.setattr(limits, "_breaker", Breaker(60))
    monkeypatch.setattr(limits, "_hit", away)
    monkeypatch.setattr(limits, "_counted_ahead", {})
    before = [counted(SKIPPED, limit=kind) for kind in ("address", "user")]
    assert {client.get("/api/v1/auth/me", headers=headers).status_code for _ in range(3)} == {200}
    assert [counted(SKIPPED, limit=kind) for kind in ("address", "user")] == [n + 3 for n in before]
    assert len(asked) == 1, "the others do not wait for a Redis that is away"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, app: Flask) -> list[int]:
    """What each question to the limiter wanted to count."""
    costs: list[int] = []
    hit = MovingWindowRateLimiter.hit

    def count(window: MovingWindowRateLimiter, limit: RateLimitItem, *key: str, cost: int = 1) -> bool:
        costs.append(cost)
        return hit(window, limit, *key, cost=cost)

    monkeypatch.setattr(MovingWindowRateLimiter, "hit", count)
    return costs


@pytest.mark.parametrize("allowed", [7, 450])
def test_what_the_limit_allows_is_let_in_and_no_more(app: Flask, asked: list[int], allowed: int) -> None:
    sender = str(uuid4())
    with app.app_context():
        answers = [limits.seconds_over("sender", f"{allowed}/hour", sender) for _ in range(allowed + 3)]

    assert answers[:allowed] == [None] * allowed
    assert all(answers[allowed:])


def test_a_large_limit_is_asked_for_in_shares(app: Flask, asked: list[int]) -> None:
    with app.app_context():
        for sender in (str(uuid4()), str(uuid4())):
            for _ in range(10):
                assert limits.seconds_over("sender", "500/hour", sender) is None

    assert asked == [5] * 4


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def limited(settings: Settings, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """An application that counts in a real Redis."""
    monkeypatch.setattr(limits, "_breaker", Breaker(limits.PAUSE))
    app = create_app(replace(settings, environment="development", redis_url=redis_server.url))
    with app.app_context():
        yield app
        db.engine.dispose()


def passes() -> bool:
    """Whether another request of the sender's three a minute is let in."""
    return limits.seconds_over("sender", "3/minute", "a") is None


@pytest.mark.usefixtures("limited")
def test_a_flush_of_redis_begins_the_count_anew(redis_server: RedisServer) -> None:
    assert [passes() for _ in range(4)] == [True] * 3 + [False]
    with redis_server.client() as redis:
        redis.flushall()
    assert [passes() for _ in range(4)] == [True] * 3 + [False]


def test_limits_are_kept_in_redis_as_soon_as_it_is_back(limited: Flask, redis_server: RedisServer) -> None:
    """Also after a login met its absence: the login's own limits are then counted in the process."""
    redis_server.kill()
    login = {"email": "nobody@opbx.test", "password": "wrong"}
    assert limited.test_client().post("/api/v1/auth/login", json=login).status_code == 401
    before = counted(SKIPPED, limit="sender")
    assert [passes() for _ in range(4)] == [True] * 4
    assert counted(SKIPPED, limit="sender") == before + 4
    redis_server.start()
    wait_until(lambda: not passes(), what="a refusal")
    with redis_server.client() as redis:
        assert redis.keys("*sender/a*")
