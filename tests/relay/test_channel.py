"""A channel passes on every message once and in order, and asks for what is missing."""

from typing import cast

import orjson

from opbx.backplane.history import Since
from opbx.backplane.keys import ChannelKeys
from opbx.backplane.presence import Member
from opbx.backplane.records import Batch, Record
from opbx.relay.channel import Channel, Confirmation, Pending
from opbx.relay.connection import Connection
from opbx.relay.frames import text_frame
from tests.relay.fakes import FakeConnection

KEYS = ChannelKeys("app", "presence-room")


class Harness:
    """A channel that is live at the start of an epoch, and what it asked for."""

    def __init__(self) -> None:
        self.gaps = 0
        self.losses = 0
        self.channel = Channel(KEYS, lambda _channel: None, self._gap, self._lost)
        self.channel.baseline(Since("e", 0, None))
        self.channel.live = True

    def _gap(self, _channel: Channel) -> None:
        self.gaps += 1

    def _lost(self, _channel: Channel) -> None:
        self.losses += 1

    def subscribe(self, socket_id: str = "1.1") -> FakeConnection:
        connection = FakeConnection(socket_id)
        self.channel.activate(self.request(connection))
        connection.sent.clear()
        connection.writes = 0
        return connection

    def request(self, fake: FakeConnection, member: Member | None = None) -> Pending:
        connection = cast(Connection, fake)
        pending = self.channel.pending[connection] = Pending(connection, member, lambda _channel, _pending: None)
        if member is not None:
            pending.missed = []
        return pending

    def flush(self, limit: int = 100) -> None:
        while self.channel.output.waiting:
            self.channel.output.flush(limit)


def record(name: str, except_socket: str = "") -> Record:
    return Record(orjson.dumps({"event": name}), except_socket)


def batch(first: int, *names: str, epoch: str = "e") -> Batch:
    return Batch(epoch, first, [record(name) for name in names])


def test_a_backlog_becomes_one_write() -> None:
    house = Harness()
    one, two = house.subscribe("1.1"), house.subscribe("1.2")
    house.channel.receive(batch(1, "a", "b"))
    house.channel.receive(batch(3, "c"))
    house.flush()
    for connection in (one, two):
        assert connection.events == ["a", "b", "c"]
        assert connection.writes == 1


def test_what_came_already_is_passed_over() -> None:
    house = Harness()
    connection = house.subscribe()
    for again in (batch(1, "a"), batch(1, "a"), batch(1, "a", "b"), batch(2, "b", "c")):
        house.channel.receive(again)
    house.flush()
    assert connection.events == ["a", "b", "c"]


def test_a_gap_is_asked_for_and_filled_in_order() -> None:
    house = Harness()
    connection = house.subscribe()
    house.channel.receive(batch(1, "a"))
    house.channel.receive(batch(4, "d"))
    house.channel.receive(batch(5, "e"))
    house.flush()
    assert (connection.events, house.gaps) == (["a"], 1)
    house.channel.recovered(Since("e", 4, [record("b"), record("c"), record("d")]))
    house.flush()
    assert connection.events == ["a", "b", "c", "d", "e"]


def test_where_the_history_ends_subscribers_are_told() -> None:
    house = Harness()
    connection = house.subscribe()
    house.channel.receive(batch(9, "i"))
    house.channel.recovered(Since("e", 9, None))
    house.channel.receive(batch(10, "j"))
    house.flush()
    assert connection.events == ["opbx:resync", "j"]


def test_a_head_that_began_anew_is_followed_when_nothing_was_missed() -> None:
    house = Harness()
    connection = house.subscribe()
    house.channel.receive(batch(1, "a"))
    house.channel.receive(batch(1, "b", epoch="f"))
    house.flush()
    assert (connection.events, house.gaps) == (["a", "b"], 0)


def test_a_history_of_an_earlier_time_is_not_taken_for_what_followed() -> None:
    house = Harness()
    client = house.subscribe()
    house.channel.receive(batch(1, "a", "b", "c"))
    house.channel.doubt()  # the server has started anew, with an old state: b and c never were, and then two others
    house.channel.recover()
    house.channel.recovered(Since("e", 4, [record("e")]))
    house.channel.receive(batch(5, "f"))
    house.flush()
    assert client.events == ["a", "b", "c", "opbx:resync", "f"]
    assert house.losses == 1
    house.channel.recover()
    house.channel.recovered(Since("e", 6, [record("g")]))
    house.flush()
    assert client.events[-1] == "g"


def test_a_head_that_began_anew_has_lost_what_was_known_of_the_channel() -> None:
    house = Harness()
    house.channel.receive(batch(1, "a"))
    assert house.losses == 0
    house.channel.receive(batch(1, "b", epoch="f"))
    assert house.losses == 1


def test_what_is_true_at_an_offset_is_told_right_there() -> None:
    house = Harness()
    client = house.subscribe()
    house.channel.receive(batch(1, "a"))
    assert house.channel.place("e", 1, b'{"event":"state of 1"}')
    assert house.channel.place("e", 3, b'{"event":"state of 3"}')
    house.channel.receive(batch(2, "b", "c", "d"))
    assert not house.channel.place("e", 3, b'{"event":"too late"}')
    house.flush()
    assert client.events == ["a", "state of 1", "b", "c", "state of 3", "d"]


def test_a_new_head_in_its_middle_is_a_gap_and_old_messages_stay_out() -> None:
    house = Harness()
    connection = house.subscribe()
    house.channel.receive(batch(1, "a"))
    house.channel.receive(batch(3, "z", epoch="f"))
    house.channel.receive(batch(2, "old"))
    assert house.gaps == 1
    house.channel.recovered(Since("f", 3, None))
    house.channel.receive(batch(4, "b", epoch="f"))
    house.flush()
    assert connection.events == ["a", "opbx:resync", "b"]


def test_a_newcomer_gets_what_follows_and_nothing_before() -> None:
    house = Harness()
    early = house.subscribe("1.1")
    house.channel.receive(batch(1, "a"))
    late = house.subscribe("1.2")
    house.channel.receive(batch(2, "b"))
    house.flush()
    assert early.events == ["a", "b"]
    assert late.events == ["b"]


def test_whoever_leaves_while_output_waits_gets_none_of_it() -> None:
    house = Harness()
    stays, leaves = house.subscribe("1.1"), house.subscribe("1.2")
    house.channel.receive(batch(1, "a"))
    house.channel.output.flush(1)
    del house.channel.subscribers[cast(Connection, leaves)]
    house.flush()
    assert (stays.events, leaves.events) == (["a"], [])


def test_the_excluded_socket_gets_the_rest() -> None:
    house = Harness()
    one, two = house.subscribe("1.1"), house.subscribe("1.2")
    house.channel.receive(Batch("e", 1, [record("a"), record("b", except_socket="1.1"), record("c")]))
    house.flush()
    assert one.events == ["a", "c"]
    assert two.events == ["a", "b", "c"]


def state(offset: int) -> Confirmation:
    """The channel's state as of `offset`."""
    return Confirmation("e", offset, text_frame(b'{"event":"state"}'))


def test_a_join_gets_what_follows_its_snapshot_though_it_came_before_the_answer() -> None:
    house = Harness()
    connection = FakeConnection()
    pending = house.request(connection, Member("ann", "{}"))
    house.channel.receive(batch(1, "own member_added"))
    house.channel.receive(batch(2, "after"))
    house.channel.confirm(pending, state(1))
    assert connection.events == ["state", "after"]


def test_a_join_whose_answer_overtakes_its_own_event_waits_for_it() -> None:
    house = Harness()
    other = house.subscribe("1.2")
    connection = FakeConnection()
    pending = house.request(connection, Member("ann", "{}"))
    house.channel.confirm(pending, state(2))
    assert connection.events == []
    house.channel.receive(batch(1, "before", "own member_added", "after"))
    house.flush()
    assert connection.events == ["state", "after"]
    assert other.events == ["before", "own member_added", "after"]


def test_the_first_join_of_all_waits_for_the_epoch_that_it_began() -> None:
    channel = Channel(KEYS, lambda _channel: None, lambda _channel: None)
    channel.baseline(Since("", 0, None))
    connection = FakeConnection()
    pending = channel.pending[cast(Connection, connection)] = Pending(
        cast(Connection, connection), Member("ann", "{}"), lambda _channel, _pending: None, []
    )
    channel.confirm(pending, state(1))
    assert connection.events == []
    channel.receive(batch(1, "own member_added"))
    assert connection.events == ["state"]


def test_a_state_of_an_epoch_that_is_gone_is_no_reason_to_wait() -> None:
    house = Harness()
    connection = FakeConnection()
    pending = house.request(connection, Member("ann", "{}"))
    house.channel.confirm(pending, Confirmation("gone", 5, text_frame(b'{"event":"state"}')))
    assert connection.events == []
    house.channel.receive(batch(1, "a", epoch="new"))
    house.flush()
    assert connection.events == ["state", "a"]


def test_a_join_that_was_given_up_is_not_granted_later() -> None:
    house = Harness()
    connection = FakeConnection()
    pending = house.request(connection, Member("ann", "{}"))
    house.channel.confirm(pending, state(1))
    del house.channel.pending[cast(Connection, connection)]
    house.channel.receive(batch(1, "own member_added"))
    house.flush()
    assert connection.events == []
    assert not house.channel.subscribers


def test_large_output_is_cut_into_several_writes() -> None:
    house = Harness()
    connection = house.subscribe()
    house.channel.receive(batch(1, *("x" * 1000 for _ in range(200))))
    house.flush()
    assert len(connection.sent) == 200
    assert 3 <= connection.writes <= 6
