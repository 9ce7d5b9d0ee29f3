"""Whatever comes in is answered with a 4xx in the one envelope, and leaves nothing behind."""

import io
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from opbx.broadcasting.models import BroadcastEvent
from opbx.calls.models import Call, CallDetailRecord
from opbx.telephony.models import WebhookReceipt
from tests import factories
from tests.telephony.senders import CDR, SAMPLES, VOICE_REQUEST, Sender, changed, url

ENDPOINTS = pytest.mark.parametrize("endpoint", SAMPLES)


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


def refused(answer: TestResponse, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.json is not None
    error: dict[str, Any] = answer.json["error"]
    assert set(error) == {"code", "message", "details", "request_id"}
    assert error["request_id"] == answer.headers["X-Request-Id"]
    return error


def nothing_stored(session: Session) -> bool:
    session.rollback()
    models = (Call, CallDetailRecord, BroadcastEvent, WebhookReceipt)
    return all(session.scalars(select(func.count()).select_from(model)).one() == 0 for model in models)


BODIES = [
    b"",
    b"not json",
    b"{",
    b'{"a":NaN}',
    b'{"a":1e999}',
    b'{"domain":"\xff\xfe"}',
    b'{"domain":"\\ud800"}',
    b"\xef\xbb\xbf{}",
    '{"a":1}'.encode("utf-16"),
    b"1",
    b'"text"',
    b"null",
    b"true",
    b"[]",
    b"[1]",
    b"[[{}]]",
    b"[{},{}]",
    nested(1_000),
    nested(10_000),
    b"[" * 60_000,
    b'{"domain":"acme.cloudonix.net","a":' + nested(40) + b"}",
]


@ENDPOINTS
def test_bodies_that_are_not_one_object(sender: Sender, session: Session, endpoint: str) -> None:
    for body in BODIES:
        refused(sender.post(endpoint, body), 400)
    assert nothing_stored(session)


@ENDPOINTS
def test_bodies_too_large(sender: Sender, session: Session, endpoint: str) -> None:
    refused(sender.post(endpoint, changed(SAMPLES[endpoint], padding="x" * 10_000_000)), 413)
    refused(sender.post(endpoint, changed(SAMPLES[endpoint], padding="x" * 65_536)), 413)
    assert nothing_stored(session)


@ENDPOINTS
def test_bodies_too_large_that_do_not_say_so(sender: Sender, session: Session, endpoint: str) -> None:
    body = orjson.dumps(changed(SAMPLES[endpoint], padding="x" * 1_000_000))
    answer = sender.client.post(
        url(endpoint),
        input_stream=io.BytesIO(body),
        headers={"Authorization": f"Bearer {factories.SENDER_KEY}", "Transfer-Encoding": "chunked"},
        content_type="application/json",
        environ_overrides={"wsgi.input_terminated": True},
    )
    refused(answer, 413)
    assert nothing_stored(session)


@ENDPOINTS
def test_other_content_types(sender: Sender, session: Session, endpoint: str) -> None:
    for content_type in ("", "text/plain", "application/xml", "multipart/form-data; boundary=x", "image/png"):
        refused(sender.post(endpoint, SAMPLES[endpoint], content_type=content_type), 415)
    assert nothing_stored(session)


@pytest.mark.parametrize("endpoint", ["call-status", "session-update", "cdr"])
def test_forms_only_for_the_voice_request(sender: Sender, endpoint: str) -> None:
    refused(sender.post(endpoint, b"a=1", content_type="application/x-www-form-urlencoded"), 415)


@pytest.mark.parametrize("body", [b"Domain=%FF", b"Domain=\xff", b"&".join(b"a=1" for _ in range(500))])
def test_forms_that_are_none(sender: Sender, body: bytes) -> None:
    refused(sender.post("call-initiated", body, content_type="application/x-www-form-urlencoded"), 400)


@pytest.mark.parametrize("method", ["get", "put", "delete", "patch"])
def test_other_methods(sender: Sender, method: str) -> None:
    answer = getattr(sender.client, method)(url("cdr"))
    refused(answer, 405)
    assert "POST" in answer.headers["Allow"]


REQUIRED = [
    ("call-initiated", "call_id"),
    ("call-initiated", "from"),
    ("call-initiated", "to"),
    ("call-initiated", "timestamp"),
    ("call-status", "call_id"),
    ("call-status", "status"),
    ("call-status", "timestamp"),
    ("session-update", "token"),
    ("cdr", "session"),
    ("cdr", "disposition"),
    ("cdr", "timestamp"),
    ("cdr", "duration"),
]


@pytest.mark.parametrize(("endpoint", "field"), REQUIRED)
def test_required_fields(sender: Sender, session: Session, endpoint: str, field: str) -> None:
    cases: tuple[Any, ...] = (..., None, [], {}, True, -1.5, "\0", "x" * 300, ["x"])
    for value in cases:
        error = refused(sender.post(endpoint, changed(SAMPLES[endpoint], **{field: value})), 422)
        assert list(error["details"]) == [field]
    assert nothing_stored(session)


@pytest.mark.parametrize("field", ["CallSid", "From", "To", "CallStatus"])
def test_required_fields_of_the_voice_request(sender: Sender, session: Session, field: str) -> None:
    cases: tuple[Any, ...] = (None, [], {}, 7, "", "\0", "x" * 300)
    for value in cases:
        error = refused(sender.post("call-initiated", changed(VOICE_REQUEST, **{field: value})), 422)
        assert list(error["details"]) == [field]
    assert nothing_stored(session)


def test_what_is_neither_form_is_missed_the_fields_of_ours(sender: Sender) -> None:
    error = refused(sender.post("call-initiated", {"domain": "acme.cloudonix.net"}), 422)
    assert set(error["details"]) == {"call_id", "from", "to", "timestamp"}


@pytest.mark.parametrize(
    ("endpoint", "field"),
    [
        ("call-initiated", "status"),
        ("call-initiated", "direction"),
        ("call-status", "status"),
        ("session-update", "status"),
        ("session-update", "direction"),
        ("cdr", "disposition"),
    ],
)
def test_unknown_words(sender: Sender, session: Session, endpoint: str, field: str) -> None:
    cases: tuple[Any, ...] = ("", "exploded", 7, True, [], {"a": 1}, "\0", "x" * 10_000)
    for word in cases:
        error = refused(sender.post(endpoint, changed(SAMPLES[endpoint], **{field: word})), 422)
        assert list(error["details"]) == [field]
    assert nothing_stored(session)


def test_sessions_of_a_record_that_are_none(sender: Sender, session: Session) -> None:
    cases: tuple[Any, ...] = (None, 7, [], "x", {}, {"token": 7}, {"token": "t", "callEndTime": "now"})
    for value in cases:
        assert list(refused(sender.post("cdr", changed(CDR, session=value)), 422)["details"]) == ["session"]
    assert nothing_stored(session)


def test_a_record_is_kept_whatever_else_is_in_it(sender: Sender, session: Session) -> None:
    bag = {"nul": "\0", "huge": 2**64 - 1, "float": 1e308, "text": "ü" * 1000, "": None, "deep": [[[[{}]]]]}
    assert sender.post("cdr", changed(CDR, more=bag)).status_code == 200
    assert session.scalars(select(CallDetailRecord)).one().record["more"] == bag


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_field_of_any_kind_is_answered_with_a_failure(sender: Sender, data: st.DataObject) -> None:
    endpoint = data.draw(st.sampled_from(sorted(SAMPLES)))
    sample = (
        data.draw(st.sampled_from([SAMPLES[endpoint], VOICE_REQUEST]))
        if endpoint == "call-initiated"
        else SAMPLES[endpoint]
    )
    names = data.draw(st.lists(st.sampled_from(sorted(set(sample) - {"domain", "Domain"})), max_size=3, unique=True))
    payload = changed(sample, **{name: data.draw(VALUES) for name in names})
    try:
        body = orjson.dumps(payload)
    except TypeError:  # a lone surrogate
        return
    answer = sender.post(endpoint, body)
    assert answer.status_code in {200, 204, 422}, (payload, answer.text)
