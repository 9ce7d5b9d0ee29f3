"""The outbox: a gapless sequence in commit order, and wakes after the commit only."""

from contextlib import suppress
from threading import Thread

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from opbx.broadcasting.channels import NoChannelRule
from opbx.broadcasting.events import InvalidPayload
from opbx.broadcasting.models import BroadcastEvent, ChannelCursor, ChannelHead
from opbx.broadcasting.outbox import broadcast, wake_after_commit
from opbx.database import write_transaction
from tests.broadcasting.conftest import Store
from tests.broadcasting.fakes import Note

CHANNEL = "presence.org.7"


@pytest.fixture
def woken(sessions: sessionmaker[Session]) -> list[list[str]]:
    woken: list[list[str]] = []
    wake_after_commit(sessions, woken.append)
    return woken


class Changed(Exception):
    """The caller's change fails after it has broadcast."""


def broadcast_and_fail(session: Session) -> None:
    with write_transaction(session):
        broadcast(session, Note())
        raise Changed


def stored(session: Session, channel: str = CHANNEL) -> list[int]:
    query = select(BroadcastEvent.sequence).where(BroadcastEvent.channel == channel).order_by(BroadcastEvent.id)
    return list(session.scalars(query))


def test_an_event_gets_the_next_sequence_of_its_channel(session: Session) -> None:
    with write_transaction(session):
        given = [broadcast(session, note) for note in (Note("a"), Note("b"), Note("c", organization="8"))]

    assert given == [1, 2, 1]
    row = session.scalars(select(BroadcastEvent).where(BroadcastEvent.sequence == 2)).one()
    assert (row.channel, row.name, row.payload, row.failure) == (CHANNEL, "note.written", {"text": "b"}, None)
    assert session.get_one(ChannelHead, CHANNEL).sequence == 2
    assert session.get_one(ChannelCursor, CHANNEL).sequence == 0


def test_concurrent_writers_leave_no_gap_and_no_double(sessions: sessionmaker[Session], session: Session) -> None:
    def write() -> None:
        for number in range(15):
            with sessions() as own:
                if number % 5 == 4:
                    with suppress(Changed):
                        broadcast_and_fail(own)
                else:
                    with write_transaction(own):
                        broadcast(own, Note())

    threads = [Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert stored(session) == list(range(1, 4 * 12 + 1))  # the id counts in the order of commits


def test_a_rollback_leaves_no_gap(session: Session, store: Store) -> None:
    store(Note())
    with pytest.raises(Changed):
        broadcast_and_fail(session)
    store(Note())

    assert stored(session) == [1, 2]


def test_the_first_event_of_a_channel_can_be_rolled_back(session: Session, store: Store) -> None:
    with pytest.raises(Changed):
        broadcast_and_fail(session)
    store(Note())

    assert stored(session) == [1]


def test_what_cannot_be_broadcast_writes_nothing(session: Session) -> None:
    with write_transaction(session):
        with pytest.raises(InvalidPayload):
            broadcast(session, Note(text=None))  # type: ignore[arg-type]
        with pytest.raises(NoChannelRule):
            broadcast(session, Note(organization="7.8"))

    assert session.scalars(select(ChannelHead)).all() == []


def test_channels_are_woken_after_the_commit(sessions: sessionmaker[Session], woken: list[list[str]]) -> None:
    with sessions() as session:
        with write_transaction(session):
            broadcast(session, Note())
            broadcast(session, Note(organization="8"))
            assert woken == []

        assert woken == [[CHANNEL, "presence.org.8"]]
        with write_transaction(session):
            pass
    assert len(woken) == 1


def test_a_rollback_wakes_nobody(sessions: sessionmaker[Session], woken: list[list[str]]) -> None:
    with sessions() as session:
        with pytest.raises(Changed):
            broadcast_and_fail(session)
        with write_transaction(session):
            pass
        broadcast(session, Note())
        session.close()  # no commit either
        with write_transaction(session):
            pass

    assert woken == []


def test_a_savepoint_wakes_with_its_transaction(sessions: sessionmaker[Session], woken: list[list[str]]) -> None:
    with sessions() as session:
        with write_transaction(session):
            with session.begin_nested():
                broadcast(session, Note())
            session.rollback()
            assert woken == []
        assert woken == []

        with write_transaction(session), session.begin_nested():
            broadcast(session, Note())
        assert woken == [[CHANNEL]]
