"""What is removed when it is old, and what stays."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from opbx.broadcasting.models import BroadcastEvent, ChannelCursor
from opbx.database import open_engine, utcnow
from opbx.extensions import Model
from opbx.identity import tokens
from opbx.identity.models import ApiToken, AuditEntry
from opbx.operations import retention
from opbx.telephony.models import WebhookReceipt
from tests import factories

NOW = utcnow()


def receipt(organization_id: str, key: str, days: float) -> WebhookReceipt:
    return WebhookReceipt(
        organization_id=organization_id, endpoint="cdr", idempotency_key=key, status_code=200, body={},
        created_at=NOW - timedelta(days=days),
    )  # fmt: skip


def event(sequence: int, days: float) -> BroadcastEvent:
    return BroadcastEvent(channel="c", sequence=sequence, name="n", payload={}, created_at=NOW - timedelta(days=days))


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
        session.commit()

        assert retention.prune(session, NOW) == {"events": 2, "receipts": 3, "tokens": 1, "audit": 1}
        assert set(retention.prune(session, NOW).values()) == {0}

        assert sorted(session.scalars(select(WebhookReceipt.idempotency_key))) == ["0", "6.9"]
        assert sorted(session.scalars(select(BroadcastEvent.sequence))) == [3, 4]  # young, and not delivered yet
        assert sorted(session.scalars(select(ApiToken.name))) == ["-1", "29"]
        assert session.scalars(select(AuditEntry.action)).all() == ["364"]
    engine.dispose()


def test_a_run_ends_in_time(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 1)
    monkeypatch.setattr(retention, "BUDGET", -1.0)
    organization_id = factories.make_organization(session).id
    session.add_all(receipt(organization_id, str(number), 8) for number in range(3))
    session.commit()
    assert retention.prune(session, NOW)["receipts"] == 1
    assert count(session, WebhookReceipt) == 2
