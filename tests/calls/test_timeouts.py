"""Calls without news are ended; those with news, and those over, are left alone."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from opbx.broadcasting.models import BroadcastEvent
from opbx.calls import timeouts
from opbx.calls.models import Call, CallStatus
from opbx.calls.service import apply
from opbx.calls.signal import CallSignal
from opbx.calls.timeouts import expire_calls
from opbx.database import utcnow
from opbx.identity.models import Organization
from opbx.pipeline import Transactions
from opbx.settings import Settings
from tests import factories

NOW = utcnow()


def add(session: Session, organization: Organization, call_id: str, status: CallStatus, silence: int) -> None:
    heard = NOW - timedelta(seconds=silence)
    answered = heard if status is CallStatus.ANSWERED else None
    ended = heard if status is CallStatus.COMPLETED else None
    session.add(
        Call(
            organization_id=organization.id,
            call_id=call_id,
            status=status,
            initiated_at=heard,
            answered_at=answered,
            ended_at=ended,
            last_event_at=heard,
        )
    )
    session.commit()


def test_only_calls_without_news_end(
    session: Session, organization: Organization, transactions: Transactions, settings: Settings
) -> None:
    add(session, organization, "ringing", CallStatus.RINGING, settings.ringing_timeout - 1)
    add(session, organization, "ghost", CallStatus.RINGING, settings.ringing_timeout + 1)
    add(session, organization, "answered", CallStatus.ANSWERED, settings.call_timeout - 1)
    add(session, organization, "answered ghost", CallStatus.ANSWERED, settings.call_timeout + 1)
    add(session, organization, "over", CallStatus.COMPLETED, settings.call_timeout * 2)
    assert expire_calls(transactions, settings, NOW) == 2
    assert expire_calls(transactions, settings, NOW) == 0

    calls = {call.call_id: call for call in session.scalars(select(Call))}
    assert {call_id for call_id, call in calls.items() if call.status is CallStatus.FAILED} == {
        "ghost",
        "answered ghost",
    }
    assert calls["ghost"].end_reason == "timeout"
    assert calls["ghost"].ended_at == NOW
    assert (calls["ghost"].duration, calls["answered ghost"].duration) == (0, settings.call_timeout + 1)
    events = session.scalars(select(BroadcastEvent)).all()
    assert {event.name for event in events} == {"call.ended"}
    assert {event.payload["status"] for event in events} == {"failed"}


def test_in_batches_over_organizations(
    session: Session,
    organization: Organization,
    transactions: Transactions,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(timeouts, "BATCH", 3)
    other = factories.make_organization(session)
    for number in range(8):
        add(session, (organization, other)[number % 2], f"c{number}", CallStatus.INITIATED, 10_000)
    assert expire_calls(transactions, settings, NOW) == 8


def test_a_call_of_which_only_old_news_came_leaves_with_them(
    session: Session, organization: Organization, transactions: Transactions, settings: Settings
) -> None:
    long_ago = NOW - timedelta(days=900)
    told = CallSignal(call_id="old", status=CallStatus.ANSWERED, at=long_ago, told_at=long_ago + timedelta(minutes=2))
    with transactions.begin() as transaction:
        apply(transaction, organization.id, told, NOW)
    assert expire_calls(transactions, settings, NOW + timedelta(seconds=timeouts.OLD_NEWS_GRACE)) == 0
    assert expire_calls(transactions, settings, NOW + timedelta(seconds=timeouts.OLD_NEWS_GRACE + 1)) == 1
    call = session.scalars(select(Call)).one()
    assert (call.status, call.end_reason) == (CallStatus.FAILED, "timeout")
    assert (call.ended_at, call.duration) == (long_ago + timedelta(minutes=2), 120)


def test_a_long_call_stays_while_its_sender_tells_of_it(
    session: Session, organization: Organization, transactions: Transactions, settings: Settings
) -> None:
    begin = NOW - timedelta(seconds=settings.call_timeout + 100)
    for heard_at in (begin, NOW):
        told = CallSignal(call_id="long", status=CallStatus.ANSWERED, at=begin, told_at=heard_at)
        with transactions.begin() as transaction:
            apply(transaction, organization.id, told, heard_at)
    assert expire_calls(transactions, settings, NOW + timedelta(seconds=timeouts.OLD_NEWS_GRACE + 1)) == 0
