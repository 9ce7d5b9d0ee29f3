"""The live calls are true at the sequence that comes with them, also while calls come and go."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event

from sqlalchemy import select
from sqlalchemy.orm import Session

from opbx.broadcasting.models import BroadcastEvent
from opbx.calls.models import CallStatus
from opbx.calls.service import apply
from opbx.calls.signal import CallSignal
from opbx.calls.snapshot import Snapshot, active_calls
from opbx.identity.models import Organization
from opbx.pipeline import Transactions
from tests import factories

T0 = datetime(2024, 5, 26, 7, 30, tzinfo=UTC)


def say(transactions: Transactions, organization_id: str, call_id: str, status: CallStatus, seconds: int) -> None:
    with transactions.begin() as transaction:
        signal = CallSignal(call_id=call_id, status=status, at=T0 + timedelta(seconds=seconds))
        apply(transaction, organization_id, signal, T0)


def test_an_empty_board(session: Session, organization: Organization) -> None:
    assert active_calls(session, organization.id) == Snapshot(calls=[], sequence=0)


def test_live_calls_of_one_organization_oldest_first(
    session: Session, transactions: Transactions, organization: Organization
) -> None:
    organization_id, other_id = organization.id, factories.make_organization(session).id
    session.rollback()
    say(transactions, organization_id, "second", CallStatus.ANSWERED, 5)
    say(transactions, organization_id, "first", CallStatus.RINGING, 1)
    say(transactions, organization_id, "over", CallStatus.BUSY, 1)
    say(transactions, other_id, "theirs", CallStatus.RINGING, 1)
    board = active_calls(session, organization_id)
    assert [call.call_id for call in board.calls] == ["first", "second"]
    assert board.sequence == 4


def test_a_board_that_only_ended_calls_have_left(
    session: Session, transactions: Transactions, organization: Organization
) -> None:
    organization_id = organization.id
    session.rollback()
    say(transactions, organization_id, "c", CallStatus.COMPLETED, 1)
    assert active_calls(session, organization_id) == Snapshot(calls=[], sequence=1)


def test_snapshots_are_consistent_while_calls_change(
    session: Session, transactions: Transactions, organization: Organization
) -> None:
    done = Event()

    def make_calls() -> None:
        for number in range(60):
            say(transactions, organization_id, f"c{number}", CallStatus.RINGING, number)
            if number % 3:
                say(transactions, organization_id, f"c{number - 1}", CallStatus.COMPLETED, number)
        done.set()

    taken: list[tuple[int, set[str]]] = []
    organization_id = organization.id
    session.rollback()
    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(make_calls)
        while not done.is_set() and not writer.done():
            board = active_calls(session, organization_id)
            taken.append((board.sequence, {call.call_id for call in board.calls}))
            session.rollback()
        writer.result()
    history = session.scalars(select(BroadcastEvent).order_by(BroadcastEvent.sequence)).all()
    assert len({sequence for sequence, _ in taken}) > 3
    for sequence, live in taken:
        expected: set[str] = set()
        for event in history[:sequence]:
            (expected.discard if event.name == "call.ended" else expected.add)(event.payload["call_id"])
        assert live == expected
