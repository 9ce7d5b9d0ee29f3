"""Each sender form's sample payloads, word by word, read into signals."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from marshmallow import ValidationError

from opbx.calls.models import CallDirection, CallStatus
from opbx.calls.signal import CallSignal, DetailRecord
from opbx.telephony.vocabulary import detail_record, opbx_form, session_update, voice_request
from tests.telephony.senders import CALL_INITIATED, CALL_STATUS, CDR, SESSION_UPDATE, VOICE_REQUEST, changed

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_voice_request() -> None:
    assert voice_request.read(VOICE_REQUEST, NOW) == CallSignal(
        call_id="697f1777517e4007b13f3ee1939b626c",
        status=CallStatus.RINGING,
        at=NOW,
        direction=CallDirection.INBOUND,
        from_number="+12127773456",
        to_number="+18005556789",
    )


@pytest.mark.parametrize(
    ("word", "status", "reason"),
    [
        ("queued", CallStatus.INITIATED, None),
        ("ringing", CallStatus.RINGING, None),
        ("in-progress", CallStatus.ANSWERED, None),
        ("completed", CallStatus.COMPLETED, None),
        ("busy", CallStatus.BUSY, None),
        ("canceled", CallStatus.NO_ANSWER, "canceled"),
        ("failed", CallStatus.FAILED, None),
        ("no-answer", CallStatus.NO_ANSWER, None),
        ("unknown", CallStatus.INITIATED, None),
    ],
)
def test_words_of_the_voice_request(word: str, status: CallStatus, reason: str | None) -> None:
    said = voice_request.read(changed(VOICE_REQUEST, CallStatus=word), NOW)
    assert (said.status, said.reason) == (status, reason)


@pytest.mark.parametrize(
    ("word", "direction"),
    [
        ("inbound", CallDirection.INBOUND),
        ("subscriber", CallDirection.OUTBOUND),
        ("outbound-api", CallDirection.OUTBOUND),
        (..., None),
    ],
)
def test_directions_of_the_voice_request(word: Any, direction: CallDirection | None) -> None:
    assert voice_request.read(changed(VOICE_REQUEST, Direction=word), NOW).direction is direction


def test_call_initiated() -> None:
    assert opbx_form.read_initiated(CALL_INITIATED, NOW) == CallSignal(
        call_id="abc-123",
        status=CallStatus.INITIATED,
        at=moment("2023-12-21T01:50:56Z"),
        direction=CallDirection.INBOUND,
        from_number="+14155551234",
        to_number="+14155559876",
        did="+14155559876",
    )


def test_call_status() -> None:
    assert opbx_form.read_status(CALL_STATUS, NOW) == CallSignal(
        call_id="abc-123",
        status=CallStatus.ANSWERED,
        at=moment("2023-12-21T01:51:01Z"),
        answered_at=moment("2023-12-21T01:51:01Z"),
        duration=0,
        extension="101",
    )


@pytest.mark.parametrize(
    ("word", "status", "reason"),
    [
        ("initiated", CallStatus.INITIATED, None),
        ("ringing", CallStatus.RINGING, None),
        ("answered", CallStatus.ANSWERED, None),
        ("busy", CallStatus.BUSY, "normal"),
        ("failed", CallStatus.FAILED, "normal"),
        ("no-answer", CallStatus.NO_ANSWER, "normal"),
        ("completed", CallStatus.COMPLETED, "normal"),
        ("hangup", CallStatus.COMPLETED, "normal"),
    ],
)
def test_words_of_our_own_form(word: str, status: CallStatus, reason: str | None) -> None:
    said = opbx_form.read_status(changed(CALL_STATUS, status=word), NOW)
    assert (said.status, said.reason) == (status, reason)
    assert said.hung_up is (word == "hangup")


def test_session_update() -> None:
    assert session_update.read(SESSION_UPDATE, NOW) == CallSignal(
        call_id="16a7294c989b11e7b3d32b9edb8660c7",
        status=CallStatus.ANSWERED,
        at=moment("2024-05-26T07:30:25.343Z"),
        initiated_at=moment("2024-05-26T07:30:21.946Z"),
        answered_at=moment("2024-05-26T07:30:25.343Z"),
        sip_call_id="315d@1.2.3.4:5060",
        direction=CallDirection.INBOUND,
        from_number="+12127773456",
        to_number="+63121233333",
        told_at=moment("2024-05-26T07:30:25Z"),
    )


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("new", CallStatus.INITIATED),
        ("processing", CallStatus.INITIATED),
        ("ringing", CallStatus.RINGING),
        ("connected", CallStatus.ANSWERED),
        ("answer", CallStatus.ANSWERED),
        ("busy", CallStatus.BUSY),
        ("noanswer", CallStatus.NO_ANSWER),
        ("cancel", CallStatus.NO_ANSWER),
        ("cancelled", CallStatus.NO_ANSWER),
        ("canceled", CallStatus.NO_ANSWER),
        ("failed", CallStatus.FAILED),
        ("error", CallStatus.FAILED),
        ("congestion", CallStatus.FAILED),
        ("nocredit", CallStatus.FAILED),
        ("CONNECTED", CallStatus.ANSWERED),
    ],
)
def test_words_of_the_session_update(word: str, status: CallStatus) -> None:
    said = session_update.read(changed(SESSION_UPDATE, status=word), NOW)
    assert said is not None
    assert said.status is status


@pytest.mark.parametrize(
    ("end", "status"), [(1716708655343, CallStatus.COMPLETED), (None, CallStatus.ANSWERED), (0, CallStatus.ANSWERED)]
)
def test_answer_is_the_end_when_the_end_is_set(end: int | None, status: CallStatus) -> None:
    said = session_update.read(changed(SESSION_UPDATE, status="answer", callEndTime=end), NOW)
    assert said is not None
    assert said.status is status
    assert said.at == moment("2024-05-26T07:30:55.343Z" if end else "2024-05-26T07:30:25.343Z")


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"status": "new"}, "2024-05-26T07:30:21.946Z"),
        ({"status": "new", "callStartTime": ...}, "2024-05-26T07:30:21Z"),
        ({"status": "ringing"}, "2024-05-26T07:30:25Z"),
        ({"status": "busy"}, "2024-05-26T07:30:25Z"),
        ({"status": "busy", "callEndTime": 1716708626000}, "2024-05-26T07:30:26Z"),
        ({"status": "ringing", "modifiedAt": ...}, "2026-01-02T03:04:05Z"),
        ({"status": "ringing", "modifiedAt": "2024-05-26 09:30:25+02:00"}, "2024-05-26T07:30:25Z"),
    ],
)
def test_the_time_of_a_session_update_is_that_of_its_status(fields: dict[str, Any], at: str) -> None:
    said = session_update.read(changed(SESSION_UPDATE, **fields), NOW)
    assert said is not None
    assert said.at == moment(at)


@pytest.mark.parametrize("status", [None, ...])
def test_a_session_update_without_a_status_says_nothing(status: Any) -> None:
    assert session_update.read(changed(SESSION_UPDATE, status=status), NOW) is None


@pytest.mark.parametrize(
    "profile", [None, [], {}, {"callId": []}, {"callId": [7]}, {"callId": "x"}, {"callId": ["\0"]}]
)
def test_a_profile_may_be_anything(profile: Any) -> None:
    said = session_update.read(changed(SESSION_UPDATE, profile=profile), NOW)
    assert said is not None
    assert said.sip_call_id is None


def test_detail_record() -> None:
    assert detail_record.read(CDR, NOW) == CallSignal(
        call_id="3caa3541",
        status=CallStatus.COMPLETED,
        at=moment("2024-05-20T21:05:34.343Z"),
        initiated_at=moment("2024-05-20T21:05:00.387Z"),
        answered_at=moment("2024-05-20T21:05:02.610Z"),
        duration=31,
        reason="connected",
        sip_call_id="0b515a4c@1.2.3.4:5060",
        from_number="+12127773456",
        to_number="+18005556789",
        record=DetailRecord(session_token="3caa3541", raw=CDR),
    )


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("CONNECTED", CallStatus.COMPLETED),
        ("ANSWER", CallStatus.COMPLETED),
        ("BUSY", CallStatus.BUSY),
        ("CANCEL", CallStatus.NO_ANSWER),
        ("FAILED", CallStatus.FAILED),
        ("CONGESTION", CallStatus.FAILED),
        ("NOANSWER", CallStatus.NO_ANSWER),
    ],
)
def test_dispositions(word: str, status: CallStatus) -> None:
    assert detail_record.read(changed(CDR, disposition=word), NOW).status is status


def test_a_record_without_the_session_s_times_counts_from_its_timestamp() -> None:
    said = detail_record.read(changed(CDR, session={"token": "t"}), NOW)
    assert said.initiated_at == moment("2024-05-20T21:05:00Z")
    assert said.at == moment("2024-05-20T21:05:33Z")
    assert (said.answered_at, said.duration) == (None, 31)


def test_a_record_of_a_call_never_answered_tells_no_talk_time() -> None:
    assert detail_record.read(changed(CDR, disposition="BUSY", session={"token": "t"}), NOW).duration == 0


@pytest.mark.parametrize(
    "number",
    [
        "+14155551234",
        "14155551234",
        "101",
        "*72",
        "anonymous",
        "alice",
        "alice@sip.acme.net:5060",
        "sip:101@10.0.0.1",
        "7",
    ],
)
def test_numbers(number: str) -> None:
    assert opbx_form.read_initiated(changed(CALL_INITIATED, **{"from": number}), NOW).from_number == number


@pytest.mark.parametrize(
    "number",
    [
        "",
        " ",
        "+",
        "+0123",
        "+1415555123412345678",
        "not a number",
        "a\0b",
        "a\nb",
        "1" * 200,
        "-1",
        "<script>",
        "é",
        7,
        None,
        [],
        {},
        True,
    ],
)
def test_no_numbers(number: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        opbx_form.read_initiated(changed(CALL_INITIATED, **{"from": number}), NOW)
    assert list(caught.value.messages_dict) == ["from"]


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("63121233333", "+63121233333"),
        ("+63121233333", "+63121233333"),
        ("10000001", "+10000001"),
        ("1000001", "1000001"),
        ("101", "101"),
        ("*72", "*72"),
        ("0123456789", "0123456789"),
        ("1234567890123456", "1234567890123456"),
        ("12127773456@sip.acme.net", "12127773456@sip.acme.net"),
    ],
)
def test_cloudonix_s_numbers_get_their_plus(written: str, number: str) -> None:
    said = session_update.read(changed(SESSION_UPDATE, callerId=written, destination=written), NOW)
    assert said is not None
    assert (said.from_number, said.to_number) == (number, number)


def test_an_empty_number_is_none_where_it_is_not_required() -> None:
    assert detail_record.read(changed(CDR, **{"from": ""}), NOW).from_number is None


@pytest.mark.parametrize(
    "timestamp", [0, -1, 946684799, 1e300, 10**19, 1703123456000, "1703123456", "soon", True, None, [], {}]
)
def test_times_far_off_or_none_at_all(timestamp: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        opbx_form.read_status(changed(CALL_STATUS, timestamp=timestamp), NOW)
    assert list(caught.value.messages_dict) == ["timestamp"]


def test_a_time_may_be_a_day_ahead() -> None:
    present = datetime.now(UTC)
    soon = int((present + timedelta(hours=23)).timestamp())
    assert opbx_form.read_status(changed(CALL_STATUS, timestamp=soon), NOW).at > present
    with pytest.raises(ValidationError):
        opbx_form.read_status(changed(CALL_STATUS, timestamp=soon + 7200), NOW)


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2024-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "1999-12-31", 7, [], "2024-\u06601-01"],
)
def test_texts_that_are_no_time(text: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        session_update.read(changed(SESSION_UPDATE, modifiedAt=text), NOW)
    assert list(caught.value.messages_dict) == ["modifiedAt"]
