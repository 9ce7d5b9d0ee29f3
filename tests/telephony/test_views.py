"""The four webhooks from outside: what is answered, what is stored, and whom they let in."""

import hmac
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from opbx import limits
from opbx.breaker import Breaker
from opbx.broadcasting.models import BroadcastEvent
from opbx.calls.models import Call, CallDetailRecord, CallStatus
from opbx.database import utcnow
from opbx.identity import tokens
from opbx.identity.models import Organization, OrganizationStatus
from opbx.settings import Settings
from opbx.telephony.models import WebhookReceipt
from tests import factories
from tests.telephony.senders import (
    CALL_INITIATED,
    CALL_STATUS,
    CDR,
    SAMPLES,
    SESSION_UPDATE,
    VOICE_REQUEST,
    Sender,
    changed,
    signature,
    url,
)


def names(session: Session) -> list[str]:
    session.rollback()
    return list(session.scalars(select(BroadcastEvent.name).order_by(BroadcastEvent.sequence)))


def told(answer: TestResponse) -> dict[str, Any]:
    """An error's envelope without what differs from request to request."""
    assert answer.json is not None
    return {name: value for name, value in answer.json["error"].items() if name != "request_id"}


def count(session: Session, model: Any) -> int:
    session.rollback()
    return session.scalars(select(func.count()).select_from(model)).one()


def test_each_form_tells_a_whole_call(sender: Sender, session: Session) -> None:
    token = CDR["session"]["token"]
    for status in ("new", "ringing", "processing", "connected", "answer"):
        update = changed(SESSION_UPDATE, token=token, status=status, eventId=status)
        assert sender.post("session-update", update).status_code in {200, 204}
    assert sender.post("cdr", CDR).json == {"call_id": token, "status": "completed", "duplicate": False}
    sender.post("call-initiated", CALL_INITIATED)
    sender.post("call-status", CALL_STATUS)
    answer = sender.post("call-status", changed(CALL_STATUS, status="hangup", timestamp=1703123470))
    assert answer.json == {"call_id": "abc-123", "status": "completed", "duplicate": False}
    for status in ("ringing", "in-progress", "completed"):
        assert sender.post("call-initiated", changed(VOICE_REQUEST, CallStatus=status)).status_code == 200
    assert names(session) == ["call.initiated", "call.answered", "call.ended"] * 3
    assert count(session, CallDetailRecord) == 1


def test_a_voice_request_may_be_form_encoded(sender: Sender, session: Session) -> None:
    body = urlencode(VOICE_REQUEST).encode()
    answer = sender.post("call-initiated", body, content_type="application/x-www-form-urlencoded")
    assert answer.json == {"call_id": VOICE_REQUEST["CallSid"], "status": "ringing", "duplicate": False}
    assert session.scalars(select(Call)).one().from_number == "+12127773456"


@pytest.mark.parametrize("endpoint", SAMPLES)
def test_a_list_with_one_object_is_that_object(sender: Sender, endpoint: str) -> None:
    assert sender.post(endpoint, [SAMPLES[endpoint]]).status_code == 200


@pytest.mark.parametrize("endpoint", SAMPLES)
def test_a_duplicate_gets_the_first_answer_and_changes_nothing(sender: Sender, session: Session, endpoint: str) -> None:
    first = sender.post(endpoint, SAMPLES[endpoint])
    events = names(session)
    second = sender.post(endpoint, SAMPLES[endpoint])
    assert first.json is not None
    assert second.status_code == 200
    assert second.json == first.json | {"duplicate": True}
    assert names(session) == events
    assert count(session, WebhookReceipt) == 1


def test_a_duplicate_gets_the_first_answer_even_when_the_call_has_moved_on(sender: Sender) -> None:
    sender.post("call-initiated", CALL_INITIATED)
    sender.post("call-status", CALL_STATUS)
    assert sender.post("call-initiated", CALL_INITIATED).json == {
        "call_id": "abc-123",
        "status": "initiated",
        "duplicate": True,
    }


def test_what_makes_two_webhooks_one(sender: Sender, session: Session) -> None:
    key = {"Authorization": f"Bearer {factories.SENDER_KEY}", "X-Idempotency-Key": "k" * 300}
    sender.post("call-status", CALL_STATUS, key)
    other = changed(CALL_STATUS, status="completed")
    assert sender.post("call-status", other, key).json == {
        "call_id": "abc-123",
        "status": "answered",
        "duplicate": True,
    }
    # the same key at another endpoint is another webhook
    assert sender.post("call-initiated", CALL_INITIATED, key).json == {
        "call_id": "abc-123",
        "status": "answered",
        "duplicate": False,
    }
    # the payload's event id, whatever else the payload says
    sender.post("session-update", SESSION_UPDATE)
    assert sender.post("session-update", changed(SESSION_UPDATE, status="busy")).json == {
        "call_id": SESSION_UPDATE["token"],
        "status": "answered",
        "duplicate": True,
    }
    assert count(session, WebhookReceipt) == 3


def test_another_organization_may_use_the_same_key(sender: Sender, client: FlaskClient, session: Session) -> None:
    other = factories.make_organization(session, domain="other.cloudonix.net")
    factories.make_sender_key(session, other)
    sender.post("call-status", CALL_STATUS)
    answer = sender.post("call-status", changed(CALL_STATUS, domain="other.cloudonix.net"))
    assert answer.json == {"call_id": "abc-123", "status": "answered", "duplicate": False}


def test_an_error_is_never_remembered(sender: Sender, session: Session) -> None:
    key = {"Authorization": f"Bearer {factories.SENDER_KEY}", "X-Idempotency-Key": "k"}
    assert sender.post("call-status", changed(CALL_STATUS, status="?"), key).status_code == 422
    assert sender.post("call-status", CALL_STATUS, key).json == {
        "call_id": "abc-123",
        "status": "answered",
        "duplicate": False,
    }


def test_an_update_of_no_interest_is_answered_with_nothing(sender: Sender, session: Session) -> None:
    assert sender.post("session-update", changed(SESSION_UPDATE, status=None)).status_code == 204
    assert count(session, Call) == 0
    sender.post("session-update", SESSION_UPDATE)
    again = changed(SESSION_UPDATE, eventId="2", modifiedAt="2024-05-26T07:30:29Z")
    for _ in range(2):
        answer = sender.post("session-update", again)
        assert (answer.status_code, answer.data) == (204, b"")
    assert names(session) == ["call.initiated", "call.answered"]


class TestWhoIsLetIn:
    def test_by_key(self, sender: Sender) -> None:
        assert sender.post("cdr", CDR).status_code == 200

    def test_by_stamped_signature(self, sender: Sender) -> None:
        body = orjson.dumps(CDR)
        assert sender.post("cdr", body, signature(body)).status_code == 200

    @pytest.mark.parametrize(
        "domain",
        [
            {"domain": "ACME.Cloudonix.Net"},
            {"domain": ..., "Domain": " acme.cloudonix.net "},
            {"domain": ..., "owner": {"domain": {"name": "acme.cloudonix.net"}}},
            {"domain": ..., "domain_uuid": "D-1"},
            {"domain": ..., "owner": {"domain": {"uuid": "d-1"}}},
        ],
    )
    def test_by_any_name_of_the_domain(self, sender: Sender, domain: dict[str, Any]) -> None:
        assert sender.post("call-status", changed(CALL_STATUS, **domain)).status_code == 200

    def test_not_without_a_domain(self, sender: Sender) -> None:
        domains: tuple[Any, ...] = (..., None, "", "  ", 7, [], {}, True)
        for domain in domains:
            answer = sender.post("call-status", changed(CALL_STATUS, domain=domain))
            assert (answer.status_code, told(answer)["code"]) == (400, "DOMAIN_MISSING")

    @pytest.mark.parametrize("domain", ["nobody.cloudonix.net", "a\0b", "x" * 5000, "acme.cloudonix.net' OR 1=1 --"])
    def test_not_for_an_unknown_domain(self, sender: Sender, domain: str) -> None:
        known = sender.post("call-status", CALL_STATUS, {"Authorization": "Bearer wrong"})
        unknown = sender.post("call-status", changed(CALL_STATUS, domain=domain))
        assert known.status_code == unknown.status_code == 401
        assert told(known) == told(unknown)
        assert known.headers["WWW-Authenticate"] == unknown.headers["WWW-Authenticate"] == "Bearer"

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Authorization": "Bearer"},
            {"Authorization": "Bearer wrong"},
            {"Authorization": f"Basic {factories.SENDER_KEY}"},
            {"Authorization": "Bearer é"},
            {"X-Cloudonix-Signature": "00"},
            {"X-Cloudonix-Signature": "é", "X-Cloudonix-Timestamp": "x"},
            {"Authorization": f"Bearer {factories.SENDER_KEY}", "X-Cloudonix-Signature": "00"},
            {"X-Organization-Id": "d-1"},
        ],
    )
    def test_not_without_a_proof_that_holds(self, sender: Sender, session: Session, headers: dict[str, str]) -> None:
        assert sender.post("cdr", CDR, headers).status_code == 401
        assert count(session, Call) == 0

    @pytest.mark.parametrize("age", [301, -302])
    def test_not_by_an_old_or_future_signature(self, sender: Sender, age: int) -> None:
        body = orjson.dumps(CDR)
        assert sender.post("cdr", body, signature(body, age=age)).status_code == 401

    def test_not_by_the_signature_of_another_body_or_secret(self, sender: Sender) -> None:
        body = orjson.dumps(CDR)
        assert sender.post("cdr", body, signature(body + b" ")).status_code == 401
        assert sender.post("cdr", body, signature(body, secret="wrong")).status_code == 401

    @pytest.mark.parametrize(("allowed", "status"), [(True, 200), (False, 401)])
    def test_unstamped_only_where_allowed(
        self, client: FlaskClient, session: Session, organization: Organization, allowed: bool, status: int
    ) -> None:
        factories.make_sender_key(session, organization, allow_unstamped=allowed)
        body = orjson.dumps(CDR)
        digest = hmac.new(factories.SIGNING_SECRET.encode(), body, "sha256").hexdigest()
        headers = {"X-Cloudonix-Signature": digest.upper()}
        assert (
            client.post(url("cdr"), data=body, headers=headers, content_type="application/json").status_code == status
        )

    def test_not_by_a_revoked_key(self, client: FlaskClient, session: Session, organization: Organization) -> None:
        factories.make_sender_key(session, organization, revoked_at=utcnow())
        assert Sender(client, organization).post("cdr", CDR).status_code == 401

    def test_not_by_another_organization_s_key(
        self, client: FlaskClient, session: Session, organization: Organization
    ) -> None:
        factories.make_sender_key(session, factories.make_organization(session))
        assert Sender(client, organization).post("cdr", CDR).status_code == 401

    def test_by_each_of_several_keys(self, sender: Sender, session: Session) -> None:
        factories.make_sender_key(session, sender.organization, key_hash=tokens.digest("second"), sealed_secret=None)
        assert sender.post("cdr", CDR, {"Authorization": "bearer second"}).status_code == 200
        assert sender.post("cdr", CDR).status_code == 200

    def test_not_for_a_suspended_organization(self, sender: Sender, session: Session) -> None:
        sender.organization.status = OrganizationStatus.SUSPENDED
        session.add(sender.organization)
        session.commit()
        assert sender.post("cdr", CDR).status_code == 403
        assert sender.post("cdr", CDR, {"Authorization": "Bearer wrong"}).status_code == 401
        assert count(session, Call) == 0


class TestLimit:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, webhook_rate_limit="3/minute")

    def test_too_many_webhooks_of_one_organization(self, sender: Sender, session: Session) -> None:
        other = factories.make_organization(session, domain="other.cloudonix.net")
        factories.make_sender_key(session, other)
        for _ in range(5):  # those who are not let in use up nothing
            sender.post("cdr", CDR, {"Authorization": "Bearer wrong"})
        assert [sender.post(endpoint, SAMPLES[endpoint]).status_code for endpoint in SAMPLES] == [200, 200, 200, 429]
        answer = sender.post("cdr", CDR)
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.json is not None
        assert answer.json["error"]["code"] == "TOO_MANY_REQUESTS"
        assert sender.post("cdr", changed(CDR, domain="other.cloudonix.net")).status_code == 200


def test_a_limiter_that_is_away_lets_webhooks_pass(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def hit(*_: Any) -> bool:
        asked.append(1)
        raise ConnectionError

    monkeypatch.setattr(limits, "_breaker", Breaker(60))
    monkeypatch.setattr(limits, "_hit", hit)
    assert {sender.post(endpoint, SAMPLES[endpoint]).status_code for endpoint in SAMPLES} == {200}
    assert len(asked) == 1  # and the others do not even wait for it


def test_the_webhooks_are_described(app: Flask, client: FlaskClient) -> None:
    description = client.get("/api/v1/openapi.json").json
    assert description is not None
    for endpoint in SAMPLES:
        assert "requestBody" in description["paths"][url(endpoint)]["post"]


def test_statuses_of_the_calls_are_stored(sender: Sender, session: Session) -> None:
    for endpoint, payload in SAMPLES.items():
        sender.post(endpoint, payload)
    assert {call.status for call in session.scalars(select(Call))} == {CallStatus.ANSWERED, CallStatus.COMPLETED}
