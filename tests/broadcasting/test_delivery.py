"""Delivery: in order, once, whoever is late, frozen or killed in between."""

import json
from collections.abc import Sequence
from contextlib import nullcontext
from typing import NoReturn

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisDown
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from opbx.backplane.publisher import Batch, Publisher
from opbx.broadcasting import cursors as cursors_module
from opbx.broadcasting import delivery
from opbx.broadcasting.cursors import Cursors, Lease, Move
from opbx.broadcasting.delivery import Delivered, Deliverer, EventsMissing
from opbx.broadcasting.models import BroadcastEvent, ChannelCursor
from opbx.pipeline import Pipeline
from tests.broadcasting.conftest import Store
from tests.broadcasting.fakes import Clock, FakePublisher, Note
from tests.counters import counted
from tests.servers import RedisServer

CHANNEL = "presence.org.7"


def cursor(session: Session) -> ChannelCursor:
    session.rollback()
    return session.get_one(ChannelCursor, CHANNEL, populate_existing=True)


def claim(cursors: Cursors, pipeline: Pipeline) -> Lease:
    [lease] = cursors.claim(pipeline, [CHANNEL])
    return lease


def test_events_are_published_on_the_wire_name_with_their_sequence(
    deliverer: Deliverer, publisher: FakePublisher, store: Store, session: Session
) -> None:
    store(Note("a"), Note("b"))

    assert deliverer.deliver({CHANNEL: ""}) == Delivered()

    [(wire, messages)] = publisher.calls
    assert wire == "presence-presence.org.7"
    assert [(message.event, message.sequence) for message in messages] == [("note.written", 1), ("note.written", 2)]
    assert [json.loads(message.data) for message in messages] == [
        {"text": "a", "sequence": 1},
        {"text": "b", "sequence": 2},
    ]
    assert (cursor(session).sequence, cursor(session).lease_until) == (2, None)


def test_nothing_is_published_again(deliverer: Deliverer, publisher: FakePublisher, store: Store) -> None:
    store(Note())
    deliverer.deliver({CHANNEL: ""})
    deliverer.deliver({CHANNEL: ""})
    deliverer.deliver({"presence.org.unknown": ""})

    assert len(publisher.calls) == 1


def test_many_events_go_in_batches(
    deliverer: Deliverer, publisher: FakePublisher, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cursors_module, "BATCH", 3)
    store(*[Note()] * 6)

    assert deliverer.deliver({CHANNEL: ""}) == Delivered()
    assert [len(messages) for _, messages in publisher.calls] == [3, 3]


def test_a_flooded_channel_gives_way(
    deliverer: Deliverer,
    publisher: FakePublisher,
    store: Store,
    session: Session,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cursors_module, "BATCH", 2)
    monkeypatch.setattr(delivery, "MAX_STEPS", 2)
    store(*[Note()] * 5)

    assert deliverer.deliver({CHANNEL: ""}) == Delivered(again=[CHANNEL])
    assert publisher.sequences == [1, 2, 3, 4]
    assert cursor(session).lease_owner is None
    assert deliverer.deliver({CHANNEL: ""}) == Delivered()
    assert publisher.sequences == [1, 2, 3, 4, 5]


def test_one_deliverer_at_a_time(
    deliverer: Deliverer, cursors: Cursors, publisher: FakePublisher, store: Store
) -> None:
    store(Note())
    other = FakePublisher()
    publisher.during = lambda: Deliverer(cursors, other, max_payload=1000).deliver({CHANNEL: ""})

    deliverer.deliver({CHANNEL: ""})

    assert publisher.sequences == [1]
    assert other.sequences == []


def test_the_lost_wake_up(deliverer: Deliverer, cursors: Cursors, publisher: FakePublisher, store: Store) -> None:
    """An event committed after the deliverer's last read, whose own deliverer found the lease taken."""
    store(Note())

    def commit_and_be_turned_away() -> None:
        store(Note())
        assert Deliverer(cursors, FakePublisher(), max_payload=1000).deliver({CHANNEL: ""}) == Delivered()

    publisher.during = commit_and_be_turned_away

    deliverer.deliver({CHANNEL: ""})

    assert publisher.sequences == [1, 2]


def test_a_frozen_deliverer_that_wakes_up_late_changes_nothing(
    deliverer: Deliverer, cursors: Cursors, publisher: FakePublisher, store: Store, session: Session, clock: Clock
) -> None:
    store(Note())

    def overtake() -> None:
        clock.forward(6)
        store(Note())
        Deliverer(cursors, publisher, max_payload=1000).deliver({CHANNEL: ""})

    publisher.during = overtake

    assert deliverer.deliver({CHANNEL: ""}) == Delivered()
    assert publisher.sequences == [1, 2]  # the late one's own publish was refused
    assert cursor(session).sequence == 2  # and did not move the cursor back


@pytest.mark.parametrize("errors", [[], [RedisDown("late as well")]])
def test_a_frozen_deliverer_does_not_release_the_lease_of_another(
    deliverer: Deliverer, cursors: Cursors, publisher: FakePublisher, store: Store, session: Session, clock: Clock,
    errors: list[Exception],
) -> None:  # fmt: skip
    """Neither by moving on, nor by giving up."""
    store(Note())
    taken: list[str] = []

    def overtake() -> None:
        clock.forward(6)
        with cursors.open() as pipeline:
            taken.append(claim(cursors, pipeline).owner)

    publisher.during, publisher.errors = overtake, list(errors)
    with pytest.raises(RedisDown) if errors else nullcontext():
        deliverer.deliver({CHANNEL: ""})

    assert (cursor(session).sequence, cursor(session).lease_owner) == (0, taken[0])


def test_an_overtaken_deliverer_does_not_mark_as_failed_what_another_has_delivered(
    deliverer: Deliverer, cursors: Cursors, publisher: FakePublisher, store: Store, session: Session, clock: Clock
) -> None:
    """As while workers with a larger limit take over."""
    store(Note(), Note("x" * 2000))

    def overtake() -> None:
        clock.forward(6)
        Deliverer(cursors, publisher, max_payload=10_000).deliver({CHANNEL: ""})

    publisher.during = overtake
    before = counted("opbx_events_failed_total")

    assert deliverer.deliver({CHANNEL: ""}) == Delivered()
    assert publisher.sequences == [1, 2]
    assert session.scalars(select(BroadcastEvent.failure)).all() == [None, None]
    assert counted("opbx_events_failed_total") == before


def test_only_the_holder_moves_the_cursor(cursors: Cursors, store: Store, clock: Clock, session: Session) -> None:
    store(Note(), Note())
    with cursors.open() as pipeline:
        old = claim(cursors, pipeline)
        assert cursors.claim(pipeline, [CHANNEL]) == []
        clock.forward(6)
        new = claim(cursors, pipeline)
        assert cursors.advance(pipeline, {old: Move(2)}, claim=True) == ([], [CHANNEL])
        assert cursors.advance(pipeline, {new: Move(1)}, claim=False) == ([], [])
        assert cursors.advance(pipeline, {new: Move(2)}, claim=False) == ([], [CHANNEL])
    assert cursor(session).sequence == 1


def test_letting_go_claims_what_was_committed_meanwhile(cursors: Cursors, store: Store) -> None:
    store(Note())
    with cursors.open() as pipeline:
        first = claim(cursors, pipeline)
        store(Note(), Note())
        [second], _ = cursors.advance(pipeline, {first: Move(1)}, claim=True)
        assert (second.sequence, [event.sequence for event in second.pending]) == (1, [2, 3])
        assert second.owner != first.owner
        assert cursors.advance(pipeline, {second: Move(3)}, claim=True) == ([], [])


class Killed(BaseException):
    """What kill -9 does: nothing more is written."""


class CountingPublisher(Publisher):
    def __init__(self, redis: Redis, app_id: str) -> None:
        super().__init__(redis, app_id)
        self.batches: list[tuple[int, int]] = []  # how many were to be published, how many were new

    def publish_all(self, batches: Sequence[Batch]) -> list[int]:
        fresh = super().publish_all(batches)
        self.batches += [(len(messages), new) for (_, messages), new in zip(batches, fresh, strict=True)]
        return fresh


def test_killed_between_publishing_and_moving_the_cursor_publishes_nothing_twice(
    cursors: Cursors, store: Store, clock: Clock, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the real backplane: its script refuses what it has published."""

    def killed(*_: object, **__: object) -> NoReturn:
        raise Killed

    store(Note())
    publisher = CountingPublisher(redis_server.client(), "app")
    deliverer = Deliverer(cursors, publisher, max_payload=1000)
    with monkeypatch.context() as patch:
        patch.setattr(cursors, "advance", killed)
        patch.setattr(cursors, "release", killed)
        with pytest.raises(Killed):
            deliverer.deliver({CHANNEL: ""})
    assert deliverer.deliver({CHANNEL: ""}) == Delivered()  # the dead one's lease
    clock.forward(6)
    store(Note())
    before = counted("opbx_events_repeated_total")
    deliverer.deliver({CHANNEL: ""})

    assert publisher.batches == [(1, 1), (2, 1)]
    assert counted("opbx_events_repeated_total") == before + 1


def test_an_event_that_is_too_large_is_marked_and_clients_are_told_to_load_anew(
    deliverer: Deliverer, publisher: FakePublisher, store: Store, session: Session
) -> None:
    store(Note(), Note("x" * 2000), Note())
    before = counted("opbx_events_failed_total")

    deliverer.deliver({CHANNEL: ""})

    assert counted("opbx_events_failed_total") == before + 1
    assert [(message.event, message.sequence) for message in publisher.messages] == [
        ("note.written", 1),
        ("opbx:resync", 2),
        ("note.written", 3),
    ]
    assert publisher.messages[1].data == "{}"
    assert cursor(session).sequence == 3
    failures = session.scalars(select(BroadcastEvent.failure).order_by(BroadcastEvent.sequence)).all()
    assert failures[0] is failures[2] is None
    assert failures[1] is not None
    assert "more than the 1000" in failures[1]


def test_the_size_counts_in_bytes_and_with_the_sequence(
    cursors: Cursors, publisher: FakePublisher, store: Store
) -> None:
    note = "ä" * 10
    size = len(json.dumps({"text": note, "sequence": 1}, ensure_ascii=False, separators=(",", ":")).encode())
    store(Note(note), Note(note + "x"))

    Deliverer(cursors, publisher, max_payload=size).deliver({CHANNEL: ""})

    assert publisher.sequences == [1]


def test_events_of_a_channel_without_a_rule_are_skipped(
    deliverer: Deliverer, publisher: FakePublisher, store: Store, session: Session
) -> None:
    store(Note())
    for table in ("channel_heads", "channel_cursors", "broadcast_events"):
        session.execute(text(f"UPDATE {table} SET channel = 'gone.7'"))
    session.commit()

    assert deliverer.deliver({"gone.7": ""}) == Delivered()
    assert publisher.calls == []
    assert session.scalars(select(BroadcastEvent.failure)).one() == "no channel rule for 'gone.7'"


def test_a_failure_releases_the_lease_and_loses_nothing(
    deliverer: Deliverer, publisher: FakePublisher, store: Store, session: Session
) -> None:
    store(Note())
    publisher.errors = [RedisDown("away")]

    with pytest.raises(RedisDown):
        deliverer.deliver({CHANNEL: ""})
    assert (cursor(session).sequence, cursor(session).lease_owner) == (0, None)

    deliverer.deliver({CHANNEL: ""})
    assert publisher.sequences == [1]


def test_a_lease_that_cannot_be_released_expires(
    deliverer: Deliverer,
    cursors: Cursors,
    publisher: FakePublisher,
    store: Store,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store(Note())
    publisher.errors = [RedisDown("away")]

    def away(*_: object) -> NoReturn:
        raise OperationalError("UPDATE", {}, Exception("the database is away too"))

    with monkeypatch.context() as patch:
        patch.setattr(cursors, "release", away)
        with pytest.raises(RedisDown):
            deliverer.deliver({CHANNEL: ""})

    deliverer.deliver({CHANNEL: ""})
    assert publisher.sequences == []
    clock.forward(6)
    deliverer.deliver({CHANNEL: ""})
    assert publisher.sequences == [1]


def test_missing_events_are_an_error_and_no_endless_loop(
    deliverer: Deliverer, publisher: FakePublisher, store: Store, session: Session
) -> None:
    store(Note())
    session.execute(text("DELETE FROM broadcast_events"))
    session.commit()

    delivered = deliverer.deliver({CHANNEL: ""})
    assert (delivered.again, type(delivered.broken[CHANNEL])) == ([], EventsMissing)
    assert cursor(session).lease_owner is None

    store(Note())
    deliverer.deliver({CHANNEL: ""})
    assert publisher.sequences == [2]


def test_channels_are_delivered_together(deliverer: Deliverer, publisher: FakePublisher, store: Store) -> None:
    store(Note("a"), Note("b", organization="8"), Note("c"))

    assert deliverer.deliver(dict.fromkeys(["presence.org.8", CHANNEL, "presence.org.9"], "")) == Delivered()

    assert [(wire, [message.sequence for message in messages]) for wire, messages in publisher.calls] == [
        ("presence-presence.org.7", [1, 2]),
        ("presence-presence.org.8", [1]),
    ]


def test_a_broken_channel_does_not_hold_up_the_others(
    deliverer: Deliverer, publisher: FakePublisher, store: Store, session: Session
) -> None:
    store(Note(), Note(organization="8"))
    session.execute(text("DELETE FROM broadcast_events WHERE channel = 'presence.org.7'"))
    session.commit()

    delivered = deliverer.deliver({CHANNEL: "", "presence.org.8": ""})

    assert list(delivered.broken) == [CHANNEL]
    assert [wire for wire, _ in publisher.calls] == ["presence-presence.org.8"]


def test_a_flooded_channel_does_not_hold_up_the_others(
    deliverer: Deliverer, publisher: FakePublisher, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cursors_module, "BATCH", 2)
    monkeypatch.setattr(delivery, "MAX_STEPS", 2)
    store(*[Note()] * 5, Note(organization="8"))

    assert deliverer.deliver({CHANNEL: "", "presence.org.8": ""}) == Delivered(again=[CHANNEL])
    assert [(wire, len(messages)) for wire, messages in publisher.calls] == [
        ("presence-presence.org.7", 2),
        ("presence-presence.org.8", 1),
        ("presence-presence.org.7", 2),
    ]
