"""Limits of users and addresses: kept, told when to come again, and open while Redis is away."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from limits import RateLimitItem
from prometheus_client import Counter
from sqlalchemy.orm import Session

from opbx import create_app, limits
from opbx.breaker import Breaker
from opbx.extensions import limiter
from opbx.identity.models import Organization, User
from opbx.metrics.instruments import LIMITS_SKIPPED, RATE_LIMITED
from opbx.settings import Settings
from tests import factories


def counted(counter: Counter, kind: str) -> float:
    return sum(
        s.value for f in counter.collect() for s in f.samples if s.labels == {"limit": kind} and "total" in s.name
    )


def client_of(settings: Settings, **limited: str) -> FlaskClient:
    return create_app(replace(settings, **limited)).test_client()  # type: ignore[arg-type]


def test_a_user_has_a_limit_of_its_own(
    settings: Settings, session: Session, organization: Organization, user: User, headers: dict[str, str]
) -> None:
    client = client_of(settings, user_rate_limit="3/minute")
    other = factories.bearer(factories.make_token(session, factories.make_user(session, organization)))
    before = counted(RATE_LIMITED, "user")
    assert [client.get("/api/v1/auth/me", headers=headers).status_code for _ in range(4)] == [200, 200, 200, 429]
    answer = client.get("/api/v1/auth/me", headers=headers)
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert answer.get_json()["error"]["code"] == "TOO_MANY_REQUESTS"
    assert client.get("/api/v1/auth/me", headers=other).status_code == 200
    assert counted(RATE_LIMITED, "user") == before + 2


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
    before = [counted(LIMITS_SKIPPED, kind) for kind in ("address", "user")]
    assert {client.get("/api/v1/auth/me", headers=headers).status_code for _ in range(3)} == {200}
    assert [counted(LIMITS_SKIPPED, kind) for kind in ("address", "user")] == [n + 3 for n in before]
    assert len(asked) == 1, "the others do not wait for a Redis that is away"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, app: Flask) -> list[int]:
    """What each question to the limiter wanted to count."""
    costs: list[int] = []
    hit = limiter.limiter.hit

    def count(limit: RateLimitItem, *key: str, cost: int = 1) -> bool:
        costs.append(cost)
        return hit(limit, *key, cost=cost)

    monkeypatch.setattr(limiter.limiter, "hit", count)
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
