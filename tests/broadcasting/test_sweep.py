"""The sweep finds what nobody delivers, and pruning leaves what somebody still needs."""

from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from opbx.broadcasting.cursors import Cursors
from opbx.broadcasting.delivery import Deliverer
from opbx.broadcasting.models import BroadcastEvent
from opbx.broadcasting.sweep import prune, sweep
from opbx.database import write_transaction
from tests.broadcasting.conftest import Store
from tests.broadcasting.fakes import Clock, Note

CHANNEL = "presence.org.7"
OTHER = "presence.org.8"


def age(session: Session, channel: str, **since: float) -> None:
    session.execute(
        update(BroadcastEvent)
        .where(BroadcastEvent.channel == channel)
        .values(created_at=BroadcastEvent.created_at)
        .values(created_at=Clock().now - timedelta(**since))
    )
    session.commit()


def test_channels_that_wait_too_long_are_found_the_oldest_first(session: Session, store: Store, clock: Clock) -> None:
    store(Note(), Note(organization="8"), Note(organization="9"))
    age(session, CHANNEL, seconds=3)
    age(session, OTHER, seconds=30)

    assert sweep(session, clock.now) == [OTHER, CHANNEL]


def test_a_channel_that_is_delivered_is_left_alone(
    session: Session, store: Store, clock: Clock, deliverer: Deliverer, cursors: Cursors
) -> None:
    store(Note(), Note(organization="8"))
    age(session, CHANNEL, seconds=3)
    age(session, OTHER, seconds=3)
    deliverer.deliver({CHANNEL: ""})
    with cursors.open() as pipeline:
        cursors.claim(pipeline, [OTHER])

    assert sweep(session, clock.now) == []

    clock.forward(6)  # the holder of the lease has died
    session.rollback()
    assert sweep(session, clock.now) == [OTHER]


def test_pruning_removes_delivered_events_from_before_a_moment(
    session: Session, store: Store, clock: Clock, deliverer: Deliverer
) -> None:
    store(Note(), Note("x" * 2000), Note(), Note(), Note(organization="8"))
    deliverer.deliver({CHANNEL: ""})
    age(session, CHANNEL, days=8)
    age(session, OTHER, days=8)
    store(Note())
    deliverer.deliver({CHANNEL: ""})
    before = clock.now - timedelta(days=7)

    assert [prune(session, before, limit=2) for _ in range(3)] == [2, 1, 0]

    kept = session.execute(select(BroadcastEvent.channel, BroadcastEvent.sequence).order_by(BroadcastEvent.id)).all()
    assert [tuple(row) for row in kept] == [
        (CHANNEL, 2),  # never published: an operator decides
        (OTHER, 1),  # not delivered yet, however old
        (CHANNEL, 5),  # young
    ]


def test_the_sequence_goes_on_after_pruning(session: Session, store: Store, clock: Clock, deliverer: Deliverer) -> None:
    store(Note())
    deliverer.deliver({CHANNEL: ""})
    with write_transaction(session):
        assert prune(session, clock.now + timedelta(seconds=1), limit=10) == 1
    store(Note())

    assert session.scalars(select(BroadcastEvent.sequence)).all() == [2]
