"""The outbox: a gapless sequence in commit order, and wakes after the commit only."""

from contextlib import suppress
from threading import Thread

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from opbx.broadcasting.channels import NoChannelRule
from opbx.broadcasting.events import InvalidPayload
from opbx.broadcasting.models import BroadcastEvent, ChannelCursor, ChannelHead
from opbx.broadcasting.outbox import broadcast, wake_after_commit
from opbx.pipeline import Transactions
from tests.broadcasting.conftest import Store
from tests.broadcasting.fakes import Note

CHANNEL = "presence.org.7"


@pytest.fixture
def woken(transactions: Transactions) -> list[list[str]]:
    woken: list[list[str]] = []
    wake_after_commit(transactions, woken.append)
    return woken


class Changed(Exception):
    """The caller's change fails after it has broadcast."""


def broadcast_and_fail(transactions: Transactions) -> None:
    with transactions.begin() as transaction:
        broadcast(transaction, Note())
        raise Changed


def stored(session: Session, channel: str = CHANNEL) -> list[int]:
    query = select(BroadcastEvent.sequence).where(BroadcastEvent.channel == channel).order_by(BroadcastEvent.id)
    return list(session.scalars(query))


def test_an_event_gets_the_next_sequence_of_its_channel(transactions: Transactions, session: Session) -> None:
    with transactions.begin() as transaction:
        for note in (Note("a"), Note("b"), Note("c", organization="8")):
            broadcast(transaction, note)

    assert (stored(session), stored(session, "presence.org.8")) == ([1, 2], [1])
    row = session.scalars(select(BroadcastEvent).where(BroadcastEvent.sequence == 2)).one()
    assert (row.channel, row.name, row.payload, row.failure) == (CHANNEL, "note.written", {"text": "b"}, None)
    assert session.get_one(ChannelHead, CHANNEL).sequence == 2
    assert session.get_one(ChannelCursor, CHANNEL).sequence == 0


def test_concurrent_writers_leave_no_gap_and_no_double(transactions: Transactions, session: Session) -> None:
    def write() -> None:
        for number in range(15):
            if number % 5 == 4:
                with suppress(Changed):
                    broadcast_and_fail(transactions)
            else:
                with transactions.begin() as transaction:
                    broadcast(transaction, Note())

    threads = [Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert stored(session) == list(range(1, 4 * 12 + 1))  # the id counts in the order of commits


def test_a_rollback_leaves_no_gap(transactions: Transactions, session: Session, store: Store) -> None:
    store(Note())
    with pytest.raises(Changed):
        broadcast_and_fail(transactions)
    store(Note())

    assert stored(session) == [1, 2]


def test_the_first_event_of_a_channel_can_be_rolled_back(
    transactions: Transactions, session: Session, store: Store
) -> None:
    with pytest.raises(Changed):
        broadcast_and_fail(transactions)
    store(Note())

    assert stored(session) == [1]


def test_what_cannot_be_broadcast_writes_nothing(transactions: Transactions, session: Session) -> None:
    with transactions.begin() as transaction:
        with pytest.raises(InvalidPayload):
            broadcast(transaction, Note(text=None))  # type: ignore[arg-type]
        with pytest.raises(NoChannelRule):
            broadcast(transaction, Note(organization="7.8"))

    assert session.scalars(select(ChannelHead)).all() == []


def test_channels_are_woken_after_the_commit(
    transactions: Transactions, session: Session, woken: list[list[str]]
) -> None:
    with transactions.begin() as transaction:
        broadcast(transaction, Note())
        broadcast(transaction, Note(organization="8"))
        broadcast(transaction, Note())
        assert woken == []

    assert woken == [[CHANNEL, "presence.org.8"]]
    assert stored(session) == [1, 2]
    with transactions.begin():
        pass
    assert len(woken) == 1


def test_a_rollback_wakes_nobody(transactions: Transactions, woken: list[list[str]]) -> None:
    with pytest.raises(Changed):
        broadcast_and_fail(transactions)
    with transactions.begin():
        pass

    assert woken == []
