"""/api/v1/calls from outside: board, history, one call, figures; nothing of another organization."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from opbx.calls import service
from opbx.calls.models import Call, CallDirection, CallStatus
from opbx.calls.signal import CallSignal
from opbx.database import utcnow
from opbx.identity.models import Organization, Role
from opbx.pipeline import Transactions
from tests import factories

T0 = datetime(2024, 5, 26, 7, 30, tzinfo=UTC)

Get = Callable[..., Any]


def add(session: Session, organization: Organization, number: int = 0, **given: Any) -> Call:
    """A completed call; the later the higher its number."""
    begin = given.pop("begin", T0 + timedelta(minutes=number))
    fields: dict[str, Any] = {
        "organization_id": organization.id,
        "call_id": f"c{number}",
        "direction": CallDirection.INBOUND,
        "from_number": "+12127773456",
        "to_number": "+18005556789",
        "status": CallStatus.COMPLETED,
        "initiated_at": begin,
        "answered_at": begin + timedelta(seconds=6),
        "ended_at": begin + timedelta(seconds=66),
        "duration": 60,
        "last_event_at": begin,
    }
    call = Call(**(fields | given))
    session.add(call)
    session.commit()
    return call


@pytest.fixture
def get(client: FlaskClient, headers: dict[str, str]) -> Get:
    def get(path: str, expected: int = 200, /, **query: Any) -> Any:
        answer = client.get("/api/v1/calls" + path, query_string=query, headers=headers)
        assert answer.status_code == expected, answer.text
        return answer.json

    return get


@pytest.mark.parametrize("path", ["", "/active", "/sequence", "/statistics", "/x"])
def test_nothing_without_a_login(client: FlaskClient, path: str) -> None:
    assert client.get("/api/v1/calls" + path).status_code == 401


@pytest.mark.parametrize("role", list(Role))
def test_every_role_may_read(client: FlaskClient, session: Session, organization: Organization, role: Role) -> None:
    user = factories.make_user(session, organization, role=role)
    headers = factories.bearer(factories.make_token(session, user))
    for path in ("", "/", "/active", "/statistics"):
        assert client.get("/api/v1/calls" + path, headers=headers).status_code == 200


def test_one_call(get: Get, session: Session, organization: Organization) -> None:
    call = add(session, organization, answered_at=T0 + timedelta(milliseconds=6500))
    expected = {
        "id": call.id,
        "call_id": "c0",
        "sip_call_id": None,
        "direction": "inbound",
        "from_number": "+12127773456",
        "to_number": "+18005556789",
        "did_id": None,
        "did": None,
        "extension_id": None,
        "extension": None,
        "status": "completed",
        "initiated_at": "2024-05-26T07:30:00Z",
        "answered_at": "2024-05-26T07:30:06.500Z",
        "ended_at": "2024-05-26T07:31:06Z",
        "duration": 60,
        "end_reason": None,
    }
    assert get("") == {"data": [expected], "next_cursor": None}
    assert get(f"/{call.id}") == get("/c0") == expected | {"timeline": []}


def test_a_call_whose_sender_uses_our_id_for_another(get: Get, session: Session, organization: Organization) -> None:
    call = add(session, organization)
    other = add(session, organization, 1, call_id=call.id)
    assert get(f"/{call.id}")["call_id"] == "c0"
    assert get(f"/{other.id}")["call_id"] == call.id


def test_another_organization_s_call_does_not_exist(get: Get, session: Session) -> None:
    call = add(session, factories.make_organization(session))
    for identity in (call.id, call.call_id, "nothing", "a%00b", "%C3%A9" * 400):
        assert get(f"/{identity}", 404)["error"]["code"] == "NOT_FOUND"
    assert get("") == {"data": [], "next_cursor": None}
    assert get("/active")["data"] == []
    assert get("/statistics", **{"from": "2024-05-26T00:00:00Z", "to": "2024-05-27T00:00:00Z"})["totals"]["total"] == 0


def test_the_live_board(get: Get, session: Session, organization: Organization) -> None:
    add(session, organization)
    add(session, organization, 1, status=CallStatus.RINGING, answered_at=None, ended_at=None, duration=0)
    board = get("/active")
    assert [call["call_id"] for call in board["data"]] == ["c1"]
    assert (board["data"][0]["status"], board["sequence"]) == ("ringing", 0)
    assert board["server_time"].endswith("Z")


def test_how_far_the_events_are(get: Get, transactions: Transactions, organization: Organization) -> None:
    assert get("/sequence")["sequence"] == 0
    with transactions.begin() as transaction:
        service.apply(transaction, organization.id, CallSignal(call_id="c", status=CallStatus.ANSWERED, at=T0), T0)
    answer = get("/sequence")
    assert answer["sequence"] == get("/active")["sequence"] == 2
    assert answer["server_time"].endswith("Z")


def test_history_page_by_page(get: Get, session: Session, organization: Organization) -> None:
    for number in range(7):
        add(session, organization, number, begin=T0 + timedelta(minutes=number // 3))  # some at the same time
    pages, cursor = [], None
    while True:
        page = get("", limit=3, **({"cursor": cursor} if cursor else {}))
        pages.append([call["call_id"] for call in page["data"]])
        cursor = page["next_cursor"]
        if cursor is None:
            break
        add(session, organization, 100 + len(pages))  # a new call moves no page
    assert [len(page) for page in pages] == [3, 3, 1]
    assert sorted(call_id for page in pages for call_id in page) == [f"c{number}" for number in range(7)]
    assert pages[0][0] == "c6"


def test_filters(get: Get, session: Session, organization: Organization) -> None:
    did = factories.make_did_number(session, organization, "+18005556789")
    extension = factories.make_extension(session, organization, "101")
    add(session, organization, 0, did_id=did.id, extension_id=extension.id)
    add(session, organization, 1, status=CallStatus.BUSY, direction=CallDirection.OUTBOUND, from_number="101")
    add(session, organization, 2, status=CallStatus.FAILED, to_number="12127770000")

    def found(**query: Any) -> set[int]:
        return {int(call["call_id"][1:]) for call in get("", **query)["data"]}

    assert found(status="busy") == {1}
    assert found(status="busy,failed") == found(status=["busy", "failed"]) == {1, 2}
    assert found(direction="outbound") == {1}
    assert found(number="101") == {1}
    assert found(number="+12127770000") == {2}
    assert found(number="18005556789") == {0, 1}
    assert found(did=did.id) == found(did="+18005556789") == found(did="18005556789") == {0}
    assert found(extension=extension.id) == found(extension="101") == {0}
    assert found(extension="102") == set()
    assert found(**{"from": "2024-05-26T07:31:00Z"}) == {1, 2}
    assert found(**{"from": "2024-05-26T09:31:00+02:00", "to": "2024-05-26T07:32:00Z"}) == {1}
    assert found(status="busy", direction="inbound") == set()


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("", {"status": "exploded"}, "status"),
        ("", {"status": ""}, "status"),
        ("", {"direction": "up"}, "direction"),
        ("", {"limit": 0}, "limit"),
        ("", {"limit": 201}, "limit"),
        ("", {"limit": "many"}, "limit"),
        ("", {"cursor": "x"}, "cursor"),
        ("", {"cursor": "WzEsMl0"}, "cursor"),
        ("", {"cursor": "é"}, "cursor"),
        ("", {"cursor": "x" * 300}, "cursor"),
        ("", {"number": "a\0"}, "number"),
        ("", {"number": ""}, "number"),
        ("", {"from": "yesterday"}, "from"),
        ("", {"page": 2}, "page"),
        ("/statistics", {"interval": "day"}, "interval"),
        ("", {"to": "0001-01-01T00:00:00+14:00"}, "to"),
        ("/statistics", {"period": "1y"}, "period"),
        ("/statistics", {"from": "9999-12-01T00:00:00Z", "to": "9999-12-31T23:59:59Z"}, "from"),
        ("/statistics", {"from": "0001-01-01T00:00:00Z", "to": "0001-01-01T05:00:00Z"}, "from"),
        ("/statistics", {"from": "2199-12-31T00:00:00Z", "to": "2200-01-02T00:00:00Z"}, "to"),
        ("/statistics", {"from": "2024-05-26T00:00:00Z"}, "to"),
        ("/statistics", {"to": "2024-05-26T00:00:00Z"}, "from"),
        ("/statistics", {"from": "2024-05-26T00:00:00Z", "to": "2024-05-26T00:00:00Z"}, "to"),
        ("/statistics", {"from": "2024-01-01T00:00:00Z", "to": "2024-05-26T00:00:00Z"}, "to"),
        ("/statistics", {"from": "2024-01-01T00:00:00Z", "to": "2024-01-02T00:00:00Z", "period": "7d"}, "period"),
    ],
)
def test_queries_that_cannot_be_used(get: Get, path: str, query: dict[str, Any], field: str) -> None:
    assert list(get(path, 422, **query)["error"]["details"]) == [field]


class TestStatistics:
    @pytest.fixture
    def organization(self, session: Session) -> Organization:
        return factories.make_organization(session, timezone="Asia/Kathmandu")  # 5:45 ahead of UTC

    def test_figures_of_a_period(self, get: Get, session: Session, organization: Organization) -> None:
        unanswered: dict[str, Any] = {"answered_at": None, "duration": 0}
        add(session, organization, 0)
        add(session, organization, 1, answered_at=T0 + timedelta(minutes=1, seconds=10.5), duration=120)
        add(session, organization, 2, status=CallStatus.BUSY, **unanswered)
        add(session, organization, 3, status=CallStatus.NO_ANSWER, **unanswered)
        add(session, organization, 4, status=CallStatus.FAILED, **unanswered)
        add(session, organization, 5, status=CallStatus.RINGING, ended_at=None, **unanswered)
        add(session, organization, 6, status=CallStatus.ANSWERED, ended_at=None, duration=0)
        add(session, organization, 7, begin=T0 + timedelta(days=1))
        figures = get("/statistics", **{"from": "2024-05-26T07:00:00Z", "to": "2024-05-26T09:30:00Z"})
        assert figures["totals"] == {
            "total": 7,
            "active": 2,
            "answered": 3,
            "completed": 2,
            "busy": 1,
            "no_answer": 1,
            "failed": 1,
        }
        assert figures["answer_rate"] == 0.5
        assert figures["average_wait"] == 7.5
        assert figures["average_talk"] == 90.0
        assert (figures["timezone"], figures["interval"]) == ("Asia/Kathmandu", "hour")
        assert figures["series"] == [
            {"start": "2024-05-26T06:15:00Z", "total": 0, "answered": 0},
            {"start": "2024-05-26T07:15:00Z", "total": 6, "answered": 3},
            {"start": "2024-05-26T08:15:00Z", "total": 0, "answered": 0},
            {"start": "2024-05-26T09:15:00Z", "total": 0, "answered": 0},
        ]

    def test_a_call_that_rings_is_not_one_missed(self, get: Get, session: Session, organization: Organization) -> None:
        called = {"did": "+18005556789", "extension": "101", "answered_at": None, "duration": 0}
        ringing = add(session, organization, 0, status=CallStatus.RINGING, ended_at=None, **called)
        period = {"from": "2024-05-26T07:00:00Z", "to": "2024-05-26T09:30:00Z"}
        figures = get("/statistics", **period)
        assert (figures["totals"]["total"], figures["totals"]["active"], figures["answer_rate"]) == (1, 1, None)
        assert {bucket["total"] for bucket in figures["series"] + figures["hours"]} == {0}
        assert figures["busiest_numbers"] == figures["busiest_extensions"] == []
        ringing.status, ringing.ended_at = CallStatus.NO_ANSWER, T0 + timedelta(seconds=30)
        session.commit()
        figures = get("/statistics", **period)
        assert figures["answer_rate"] == 0
        assert sum(bucket["total"] for bucket in figures["series"]) == 1
        assert sum(hour["total"] for hour in figures["hours"]) == 1
        missed = {"total": 1, "answered": 0, "name": None, "talk": 0}
        assert figures["busiest_numbers"] == [missed | {"number": "+18005556789"}]
        assert figures["busiest_extensions"] == [missed | {"number": "101"}]

    def test_days_are_local(self, get: Get, session: Session, organization: Organization) -> None:
        midnight = datetime(2024, 5, 26, 18, 15, tzinfo=UTC)
        add(session, organization, 0, begin=midnight - timedelta(seconds=1))
        add(session, organization, 1, begin=midnight)
        figures = get("/statistics", **{"from": "2024-05-25T18:15:00Z", "to": "2024-05-28T18:15:00Z"})
        assert [(day["start"], day["total"]) for day in figures["series"]] == [
            ("2024-05-25T18:15:00Z", 1),
            ("2024-05-26T18:15:00Z", 1),
            ("2024-05-27T18:15:00Z", 0),
        ]

    @pytest.mark.parametrize(("period", "total", "days"), [("today", 1, None), ("7d", 2, 7), ("30d", 3, 30)])
    def test_named_periods(
        self, get: Get, session: Session, organization: Organization, period: str, total: int, days: int | None
    ) -> None:
        for number, ago in enumerate((0, 6, 29, 40)):
            add(session, organization, number, begin=utcnow() - timedelta(days=ago))
        figures = get("/statistics", period=period)
        assert figures["totals"]["total"] == total
        assert days is None or len(figures["series"]) == days

    def test_hours_of_the_local_day(self, get: Get, session: Session, organization: Organization) -> None:
        for number, day in enumerate((0, 1, 1)):
            add(session, organization, number, begin=T0 + timedelta(days=day))  # 13:15 there
        add(session, organization, 3, begin=T0 + timedelta(minutes=44), answered_at=None, duration=0)
        add(session, organization, 4, begin=T0 + timedelta(minutes=45))
        hours = get("/statistics", **{"from": "2024-05-25T18:15:00Z", "to": "2024-05-28T18:15:00Z"})["hours"]
        assert [hour["hour"] for hour in hours] == list(range(24))
        assert {hour["hour"]: (hour["total"], hour["answered"]) for hour in hours if hour["total"]} == {
            13: (4, 3),
            14: (1, 1),
        }

    def test_the_busiest(self, get: Get, session: Session, organization: Organization) -> None:
        factories.make_did_number(session, organization, "+18005556789", friendly_name="Sales")
        ann = factories.make_user(session, organization, name="Ann")
        factories.make_extension(session, organization, "101", user_id=ann.id)
        unanswered: dict[str, Any] = {"answered_at": None, "duration": 0}
        for number in range(3):
            add(session, organization, number, did="+18005556789", extension="101")
        add(session, organization, 3, did="+18005556789", status=CallStatus.BUSY, **unanswered)
        add(session, organization, 4, to_number="+18005550000", direction=None, extension="102")
        add(session, organization, 5, to_number="+15550001", direction=CallDirection.OUTBOUND, extension="102")
        add(session, factories.make_organization(session), 6, to_number="+15550002")
        for number in range(10, 22):
            add(session, organization, number, to_number=f"+18005559{number}")
        figures = get("/statistics", **{"from": "2024-05-26T00:00:00Z", "to": "2024-05-27T00:00:00Z"})
        busiest = figures["busiest_numbers"]
        assert len(busiest) == 10
        assert busiest[:2] == [
            {"number": "+18005556789", "name": "Sales", "total": 4, "answered": 3, "talk": 180},
            {"number": "+18005550000", "name": None, "total": 1, "answered": 1, "talk": 60},
        ]
        assert figures["busiest_extensions"] == [
            {"number": "101", "name": "Ann", "total": 3, "answered": 3, "talk": 180},
            {"number": "102", "name": None, "total": 2, "answered": 2, "talk": 120},
        ]

    def test_nothing_to_take_an_average_of(self, get: Get) -> None:
        figures = get("/statistics")
        assert (figures["answer_rate"], figures["average_wait"], figures["average_talk"]) == (None, None, None)
