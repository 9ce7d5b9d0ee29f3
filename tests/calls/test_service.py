"""Applying signals to the database: one row per call, its events, whose numbers they are, and the raw record."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from opbx.broadcasting.models import BroadcastEvent, ChannelHead
from opbx.calls.models import Call, CallDetailRecord, CallDirection, CallStatus
from opbx.calls.service import MAX_TIMELINE, Outcome, apply
from opbx.calls.signal import CallSignal, DetailRecord
from opbx.calls.state import Step
from opbx.identity.models import Organization
from opbx.pipeline import Transactions
from tests import factories

T0 = datetime(2024, 5, 26, 7, 30, tzinfo=UTC)
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Calls:
    """Applies signals, and looks at what came of them."""

    def __init__(self, session: Session, transactions: Transactions, organization: Organization) -> None:
        self.session = session
        self.transactions = transactions
        self.organization = organization

    def apply(self, status: CallStatus, seconds: int = 0, **more: Any) -> Outcome:
        signal = CallSignal(call_id="c", status=status, at=T0 + timedelta(seconds=seconds), **more)
        organization_id = self.organization.id
        self.session.rollback()
        with self.transactions.begin() as transaction:
            return apply(transaction, organization_id, signal, NOW)

    def one(self) -> Call:
        return self.session.scalars(select(Call)).one()

    def events(self) -> list[tuple[int, str, dict[str, Any]]]:
        rows = self.session.scalars(select(BroadcastEvent).order_by(BroadcastEvent.sequence))
        return [(row.sequence, row.name, row.payload) for row in rows]


@pytest.fixture
def calls(session: Session, transactions: Transactions, organization: Organization) -> Calls:
    return Calls(session, transactions, organization)


def test_a_call_from_its_begin_to_its_end(calls: Calls, session: Session, organization: Organization) -> None:
    did = factories.make_did_number(session, organization, "+18005556789")
    extension = factories.make_extension(session, organization, "101")
    calls.apply(
        CallStatus.INITIATED, direction=CallDirection.INBOUND, from_number="+18005551234", to_number="+18005556789"
    )
    calls.apply(CallStatus.RINGING, 2)
    calls.apply(CallStatus.ANSWERED, 5, extension="101")
    outcome = calls.apply(CallStatus.COMPLETED, 135, reason="normal")

    assert outcome == Outcome(call_id="c", status=CallStatus.COMPLETED, step=Step.FORWARD, changed=True)
    numbers = {"direction": "inbound", "from_number": "+18005551234", "to_number": "+18005556789"}
    assert calls.events() == [
        (
            1,
            "call.initiated",
            {
                "call_id": "c",
                **numbers,
                "did_id": did.id,
                "did": "+18005556789",
                "status": "initiated",
                "initiated_at": "2024-05-26T07:30:00Z",
            },
        ),
        (
            2,
            "call.answered",
            {
                "call_id": "c",
                **numbers,
                "did": "+18005556789",
                "status": "answered",
                "answered_at": "2024-05-26T07:30:05Z",
                "extension_id": extension.id,
                "extension": "101",
            },
        ),
        (
            3,
            "call.ended",
            {
                "call_id": "c",
                **numbers,
                "did": "+18005556789",
                "extension": "101",
                "status": "completed",
                "ended_at": "2024-05-26T07:32:15Z",
                "duration": 130,
            },
        ),
    ]
    call = calls.one()
    assert (call.did_id, call.extension_id, call.end_reason, call.last_event_at) == (
        did.id,
        extension.id,
        "normal",
        NOW,
    )
    assert [entry["status"] for entry in call.timeline] == ["initiated", "ringing", "answered", "completed"]


def test_an_answer_of_an_unknown_call_brings_the_call_first(calls: Calls) -> None:
    calls.apply(CallStatus.ANSWERED, 5)
    assert [(sequence, name) for sequence, name, _ in calls.events()] == [(1, "call.initiated"), (2, "call.answered")]
    assert calls.events()[0][2]["from_number"] is None


def test_a_step_back_is_recorded_and_broadcasts_nothing(calls: Calls) -> None:
    calls.apply(CallStatus.ANSWERED, 5)
    outcome = calls.apply(CallStatus.RINGING, 2)
    assert (outcome.status, outcome.step, outcome.changed) == (CallStatus.ANSWERED, Step.LATE, True)
    assert len(calls.events()) == 2
    assert calls.one().timeline[-1] == {
        "status": "ringing",
        "step": "late",
        "at": "2024-05-26T07:30:02Z",
        "heard_at": "2026-01-02T03:04:05Z",
    }


def test_a_repetition_changes_nothing_but_that_there_was_news(calls: Calls, session: Session) -> None:
    calls.apply(CallStatus.RINGING)
    session.execute(update(Call).values(last_event_at=T0))
    session.commit()
    assert not calls.apply(CallStatus.RINGING, 1).changed
    assert (len(calls.one().timeline), calls.one().last_event_at) == (1, NOW)


def test_a_repetition_may_say_more(calls: Calls) -> None:
    calls.apply(CallStatus.RINGING)
    assert calls.apply(CallStatus.RINGING, from_number="101").changed
    assert calls.one().from_number == "101"


def test_the_timeline_does_not_grow_without_end(calls: Calls) -> None:
    calls.apply(CallStatus.ANSWERED)
    for second in range(MAX_TIMELINE + 10):
        calls.apply(CallStatus.RINGING, second)
    assert len(calls.one().timeline) == MAX_TIMELINE
    calls.apply(CallStatus.COMPLETED, 100)
    assert calls.one().timeline[-1]["status"] == "completed"


def test_numbers_of_another_organization_are_not_found(calls: Calls, session: Session) -> None:
    other = factories.make_organization(session)
    factories.make_did_number(session, other, "+18005556789")
    factories.make_extension(session, other, "101")
    calls.apply(CallStatus.ANSWERED, to_number="+18005556789", extension="101")
    assert (calls.one().did_id, calls.one().extension_id) == (None, None)
    assert (calls.one().did, calls.one().extension) == (None, "101")  # what the sender said, it said


def test_numbers_that_the_directory_knows_not_are_kept_where_the_sender_named_them(calls: Calls) -> None:
    calls.apply(CallStatus.RINGING, did="+18005550000", to_number="+18005551111")
    assert (calls.one().did, calls.one().extension) == ("+18005550000", None)
    calls.apply(CallStatus.ANSWERED, 3, extension="7")
    assert (calls.one().did_id, calls.one().extension_id, calls.one().extension) == (None, None, "7")
    assert calls.events()[-1][2].items() >= {"did": "+18005550000", "extension": "7", "extension_id": None}.items()


@pytest.mark.parametrize(
    ("before", "more", "status", "duration"),
    [
        ([CallStatus.INITIATED], {}, "no_answer", 0),
        ([CallStatus.RINGING], {"direction": CallDirection.OUTBOUND}, "no_answer", 0),
        ([], {}, "no_answer", 0),
        ([CallStatus.RINGING], {"duration": 0}, "no_answer", 0),
        ([CallStatus.ANSWERED], {}, "completed", 30),
        ([CallStatus.RINGING], {"answered_at": T0 + timedelta(seconds=20)}, "completed", 10),
        ([CallStatus.RINGING], {"duration": 12}, "completed", 12),
        ([CallStatus.BUSY], {}, "busy", 0),
    ],
)
def test_a_hangup_ends_a_call_by_what_went_before(
    calls: Calls, before: list[CallStatus], more: dict[str, Any], status: str, duration: int
) -> None:
    for earlier in before:
        calls.apply(earlier)
    outcome = calls.apply(CallStatus.COMPLETED, 30, hung_up=True, **more)
    assert (outcome.status, calls.one().duration) == (status, duration)
    assert calls.one().timeline[-1]["status"] == status
    assert [(name, payload["status"]) for _, name, payload in calls.events()][-1] == ("call.ended", status)


def test_a_long_extension_is_found_with_a_plus_too(calls: Calls, session: Session, organization: Organization) -> None:
    extension = factories.make_extension(session, organization, "10000001")
    calls.apply(CallStatus.RINGING, to_number="+10000001")
    assert calls.one().extension_id == extension.id


def test_a_did_number_is_found_without_its_plus(calls: Calls, session: Session, organization: Organization) -> None:
    did = factories.make_did_number(session, organization, "+18005556789")
    calls.apply(CallStatus.INITIATED, to_number="18005556789")
    assert (calls.one().did_id, calls.one().did) == (did.id, "+18005556789")


def test_who_answered_counts_and_not_where_it_rang(calls: Calls, session: Session, organization: Organization) -> None:
    first = factories.make_extension(session, organization, "101")
    second = factories.make_extension(session, organization, "102")
    calls.apply(CallStatus.RINGING, extension="101")
    assert calls.one().extension_id == first.id
    calls.apply(CallStatus.ANSWERED, 3, extension="102")
    assert calls.one().extension_id == second.id
    assert calls.events()[-1][2]["extension_id"] == second.id
    assert calls.events()[-1][2]["extension"] == "102"
    calls.apply(CallStatus.RINGING, 1, extension="101")
    assert calls.one().extension_id == second.id


def test_an_outbound_call_belongs_to_the_extension_it_comes_from(
    calls: Calls, session: Session, organization: Organization
) -> None:
    extension = factories.make_extension(session, organization, "101")
    factories.make_did_number(session, organization, "+18005556789")
    calls.apply(CallStatus.INITIATED, direction=CallDirection.OUTBOUND, from_number="101", to_number="+18005556789")
    assert (calls.one().extension_id, calls.one().did_id) == (extension.id, None)


def test_two_organizations_may_use_the_same_call_id(calls: Calls, session: Session) -> None:
    calls.apply(CallStatus.RINGING)
    other = Calls(session, calls.transactions, factories.make_organization(session))
    assert other.apply(CallStatus.INITIATED).step is Step.FORWARD
    assert len(session.scalars(select(Call)).all()) == 2


def test_a_record_is_kept_once_a_session_and_corrects_the_end(calls: Calls, session: Session) -> None:
    calls.apply(CallStatus.BUSY, 10)
    settled = {"record": DetailRecord(session_token="c", raw={"n": 1}), "duration": 31, "sip_call_id": "sip@1.2.3.4"}
    outcome = calls.apply(CallStatus.COMPLETED, 40, **settled)
    calls.apply(CallStatus.COMPLETED, 39, **settled | {"record": DetailRecord(session_token="c", raw={"n": 2})})
    assert (outcome.step, outcome.status) == (Step.CORRECTION, CallStatus.COMPLETED)
    call = calls.one()
    assert (call.duration, call.sip_call_id, call.ended_at) == (31, "sip@1.2.3.4", T0 + timedelta(seconds=40))
    assert session.scalars(select(CallDetailRecord)).one().record == {"n": 1}
    assert [name for _, name, _ in calls.events()] == ["call.ended"]


def test_what_is_raised_by_confirm_ends_it_all(
    transactions: Transactions, session: Session, organization: Organization
) -> None:
    signal = CallSignal(call_id="c", status=CallStatus.ANSWERED, at=T0)

    def refuse(outcome: Outcome) -> None:
        raise KeyError(outcome.call_id)

    for _ in range(2):
        with pytest.raises(KeyError), transactions.begin() as transaction:
            apply(transaction, organization.id, replace(signal), NOW, refuse)
    assert session.scalars(select(Call)).all() == []
    assert session.scalars(select(ChannelHead)).all() == []
