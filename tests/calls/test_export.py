"""/api/v1/calls/export.csv: the list's filters, cells that no spreadsheet runs, and memory that does not grow."""

import csv
import io
import tracemalloc
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert
from sqlalchemy.orm import Session

from opbx.calls import history
from opbx.calls.export import COLUMNS, render
from opbx.calls.history import CallFilter
from opbx.calls.models import Call, CallStatus
from opbx.extensions import db
from opbx.identity.models import Organization
from tests import factories
from tests.calls.test_views import T0, add


def exported(client: FlaskClient, headers: dict[str, str], **query: str) -> list[dict[str, str]]:
    answer = client.get("/api/v1/calls/export.csv", query_string=query, headers=headers)
    assert answer.status_code == 200
    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="calls-')
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_a_line_a_call(
    client: FlaskClient, headers: dict[str, str], session: Session, organization: Organization
) -> None:
    assert exported(client, headers) == []
    call = add(session, organization, answered_at=T0 + timedelta(milliseconds=6500), end_reason='said "no", left')
    add(session, organization, 1, status=CallStatus.BUSY, answered_at=None, duration=0)
    add(session, factories.make_organization(session), 2)
    busy, completed = exported(client, headers)
    assert (busy["call_id"], busy["status"], busy["answered_at"]) == ("c1", "busy", "")
    assert completed == {
        "id": call.id,
        "call_id": "c0",
        "direction": "inbound",
        "from_number": "+12127773456",
        "to_number": "+18005556789",
        "did": "",
        "extension": "",
        "status": "completed",
        "initiated_at": "2024-05-26T07:30:00Z",
        "answered_at": "2024-05-26T07:30:06.500Z",
        "ended_at": "2024-05-26T07:31:06Z",
        "duration": "60",
        "end_reason": 'said "no", left',
    }


def test_the_filters_are_the_list_s(
    client: FlaskClient, headers: dict[str, str], session: Session, organization: Organization
) -> None:
    for number in range(3):
        add(session, organization, number, from_number=str(number))
    assert [line["call_id"] for line in exported(client, headers, number="1")] == ["c1"]
    assert [line["call_id"] for line in exported(client, headers, **{"from": "2024-05-26T07:31:00Z"})] == ["c2", "c1"]
    for query in ({"limit": "5"}, {"status": "exploded"}):
        answer = client.get("/api/v1/calls/export.csv", query_string=query, headers=headers)
        assert answer.status_code == 422


@pytest.mark.parametrize(
    ("number", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+1+cmd|'/C calc'!A0", "'+1+cmd|'/C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+12127773456", "+12127773456"),
        ("sip:ann@pbx.test", "sip:ann@pbx.test"),
        ("101", "101"),
    ],
)
def test_no_cell_is_a_formula(
    client: FlaskClient,
    headers: dict[str, str],
    session: Session,
    organization: Organization,
    number: str,
    cell: str,
) -> None:
    add(session, organization, from_number=number)
    assert [line["from_number"] for line in exported(client, headers)] == [cell]


def test_batches_follow_each_other_without_gap(app: Flask, session: Session, organization: Organization) -> None:
    for number in range(7):
        add(session, organization, number, begin=T0 + timedelta(minutes=number // 3))  # some at the same time
    with app.app_context():
        batches = list(history.each_batch(db.session, organization.id, CallFilter(), [Call.call_id], size=3))
    assert [len(batch) for batch in batches] == [3, 3, 1]
    assert {row.call_id for batch in batches for row in batch} == {f"c{number}" for number in range(7)}


def test_memory_does_not_grow_with_the_history(app: Flask, session: Session, organization: Organization) -> None:
    def peak(count: int) -> int:
        """Bytes taken at most while `count` calls are exported."""
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        until = T0 + timedelta(seconds=count)
        batches = history.each_batch(db.session, organization.id, CallFilter(until=until), list(COLUMNS.values()), 100)
        assert sum(text.count("\r\n") for text in render(batches)) == count + 1
        return tracemalloc.get_traced_memory()[1] - before

    rows: list[dict[str, Any]] = [
        {"organization_id": organization.id, "call_id": f"c{number}", "status": CallStatus.COMPLETED,
         "initiated_at": T0 + timedelta(seconds=number), "last_event_at": datetime.now(UTC)}
        for number in range(3000)
    ]  # fmt: skip
    session.execute(insert(Call), rows)
    session.commit()
    with app.app_context():
        tracemalloc.start()
        try:
            peak(200)  # what is made once
            small, large = peak(200), peak(3000)
        finally:
            tracemalloc.stop()
    assert large < 2 * small
