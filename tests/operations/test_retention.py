"""What is removed when it is old, and what stays."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from opbx.broadcasting.models import BroadcastEvent, ChannelCursor
from opbx.calls.models import Call, CallDetailRecord, CallStatus
from opbx.database import open_engine, utcnow
from opbx.dead_letters.models import GivenUpWebhook
from opbx.extensions import Model
from opbx.identity import tokens
from opbx.identity.models import ApiToken, AuditEntry
from opbx.operations import retention
from opbx.settings import Settings
from opbx.telephony.models import WebhookReceipt
from tests import factories

NOW = utcnow()
SETTINGS = Settings()


def receipt(organization_id: str, key: str, days: float) -> WebhookReceipt:
    return WebhookReceipt(
        organization_id=organization_id, endpoint="cdr", idempotency_key=key, status_code=200, body={},
        created_at=NOW - timedelta(days=days),
    )  # fmt: skip


def event(sequence: int, days: float) -> BroadcastEvent:
    return BroadcastEvent(channel="c", sequence=sequence, name="n", payload={}, created_at=NOW - timedelta(days=days))


def call(organization_id: str, name: str, ended: float | None) -> Call:
    """A call of which the first webhook came three years ago, and which ended so many days ago."""
    return Call(
        organization_id=organization_id, call_id=name, initiated_at=NOW - timedelta(days=1100),
        status=CallStatus.ANSWERED if ended is None else CallStatus.COMPLETED,
        ended_at=None if ended is None else NOW - timedelta(days=ended),
        last_event_at=NOW - timedelta(days=1100), timeline=[{"status": "answered"}],
    )  # fmt: skip


def record(organization_id: str, of: Call, days: float) -> CallDetailRecord:
    return CallDetailRecord(
        organization_id=organization_id, session_token=of.call_id, call_id=of.id, record={"n": 1},
        received_at=NOW - timedelta(days=days),
    )  # fmt: skip


def given_up(name: str, days: float) -> GivenUpWebhook:
    return GivenUpWebhook(
        id=name, app_id="a", url="https://hooks.test/", body="{}", time_ms=0, reason="not accepted", attempts=1,
        failed_at=NOW - timedelta(days=days),
    )  # fmt: skip


def count(session: Session, model: type[Model]) -> int:
    return session.scalars(select(func.count()).select_from(model)).one()


@pytest.mark.parametrize("batch", [2, 500])
def test_old_rows_go_and_young_ones_stay(database_url: str, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    monkeypatch.setattr(retention, "BATCH", batch)
    engine = open_engine(database_url)
    with Session(engine) as session:
        user = factories.make_user(session)
        organization_id = user.organization_id
        session.add_all(receipt(organization_id, f"{days}", days) for days in (0, 6.9, 7.1, 8, 30))
        session.add(ChannelCursor(channel="c", sequence=3))
        session.add_all(event(number, days) for number, days in enumerate((8, 7.5, 1, 9), start=1))
        for days in (31, 29, -1):
            token = tokens.issue(session, user.id, name=f"{days}", lifetime=60).record
            token.expires_at = NOW - timedelta(days=days)
        session.add_all(AuditEntry(action=f"{days}", at=NOW - timedelta(days=days)) for days in (364, 366))
        session.add_all(given_up(f"{days}", days) for days in (89, 91))
        session.commit()

        removed = retention.prune(session, SETTINGS, NOW)
        assert {name: count for name, count in removed.items() if count} == {
            "events": 2,
            "receipts": 3,
            "tokens": 1,
            "audit": 1,
            "letters": 1,
        }
        assert set(retention.prune(session, SETTINGS, NOW).values()) == {0}

        assert sorted(session.scalars(select(WebhookReceipt.idempotency_key))) == ["0", "6.9"]
        assert sorted(session.scalars(select(BroadcastEvent.sequence))) == [3, 4]  # young, and not delivered yet
        assert sorted(session.scalars(select(ApiToken.name))) == ["-1", "29"]
        assert session.scalars(select(AuditEntry.action)).all() == ["364"]
        assert session.scalars(select(GivenUpWebhook.id)).all() == ["89"]
    engine.dispose()


def test_calls_lose_their_timeline_first_and_their_record_last(database_url: str) -> None:
    engine = open_engine(database_url)
    with Session(engine) as session:
        organization_id = factories.make_organization(session).id
        calls = {days: call(organization_id, f"{days}", days) for days in (None, 29, 31, 729, 731)}
        session.add_all(calls.values())
        session.flush()
        session.add_all(record(organization_id, calls[days], days) for days in (29, 731))
        session.commit()

        removed = retention.prune(session, SETTINGS, NOW)
        assert (removed["session_updates"], removed["calls"], removed["records"]) == (3, 1, 0)
        assert set(retention.prune(session, SETTINGS, NOW).values()) == {0}

        kept = {one.call_id: bool(one.timeline) for one in session.scalars(select(Call))}
        assert kept == {"None": True, "29": True, "31": False, "729": False}  # a live call stays, however old
        records = {one.session_token: one.call_id for one in session.scalars(select(CallDetailRecord))}
        assert records == {"29": calls[29].id, "731": None}
        session.rollback()

        later = NOW + timedelta(days=SETTINGS.keep_records - 730)
        removed = retention.prune(session, SETTINGS, later)
        assert (removed["calls"], removed["records"]) == (3, 1)
        assert session.scalars(select(CallDetailRecord.session_token)).all() == ["29"]
        assert session.scalars(select(Call.call_id)).all() == ["None"]
    engine.dispose()


def test_each_kind_has_its_setting(session: Session) -> None:
    organization_id = factories.make_organization(session).id
    session.add_all([receipt(organization_id, "old", 2), call(organization_id, "old", 2), event(1, 2)])
    session.add(ChannelCursor(channel="c", sequence=1))
    session.commit()
    short = Settings(keep_events=1, keep_receipts=1, keep_session_updates=1, keep_calls=1, keep_records=1)

    removed = retention.prune(session, short, NOW)

    assert {name for name, count in removed.items() if count} == {"events", "receipts", "session_updates", "calls"}


def test_a_run_ends_in_time(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 1)
    monkeypatch.setattr(retention, "BUDGET", -1.0)
    organization_id = factories.make_organization(session).id
    session.add_all(receipt(organization_id, str(number), 8) for number in range(3))
    session.commit()
    assert retention.prune(session, SETTINGS, NOW)["receipts"] == 1
    assert count(session, WebhookReceipt) == 2
