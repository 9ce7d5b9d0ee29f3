"""The queue of webhook events: stamped, in order, queued once, bounded; and the turns at it."""

import time

import orjson
import pytest
from redis import Redis

from opbx.backplane import hooks
from opbx.backplane.hooks import Entry, Turns, hook_call
from opbx.backplane.keys import ChannelKeys
from opbx.backplane.occupancy import occupy_call
from opbx.backplane.presence import Member, join_call
from opbx.backplane.scripts import run
from tests.servers import wait_until

OCCUPIED = {"name": "channel_occupied", "channel": "presence-a"}
ADDED = {"name": "member_added", "channel": "presence-a", "user_id": "7"}
TALK = {"name": "client_event", "channel": "private-a", "event": "client-x", "data": "ä", "socket_id": "1.1"}


def queue(redis: Redis, *events: dict[str, str], app_id: str = "app") -> None:
    run(redis, [hook_call(app_id, event) for event in events])


def test_events_are_kept_in_order_and_stamped_by_redis(redis: Redis) -> None:
    before = hooks.now_ms(redis, "app")
    queue(redis, OCCUPIED, ADDED, TALK)
    found = hooks.read(redis, "app", 10)
    assert [orjson.loads(entry.event) for entry in found] == [OCCUPIED, ADDED, TALK]
    assert [(entry.name, entry.channel, entry.user_id) for entry in found] == [
        ("channel_occupied", "presence-a", ""),
        ("member_added", "presence-a", "7"),
        ("client_event", "private-a", ""),
    ]
    assert all(before <= entry.time_ms <= hooks.now_ms(redis, "app") for entry in found)
    assert abs(before / 1000 - time.time()) < 60


def test_a_call_that_is_repeated_queues_once(redis: Redis) -> None:
    call, same_event = hook_call("app", ADDED), hook_call("app", ADDED)
    assert run(redis, [call, call, same_event]) == [1, 0, 1]
    assert len(hooks.read(redis, "app", 10)) == 2


def test_reading_on_and_removing(redis: Redis) -> None:
    queue(redis, *[ADDED | {"user_id": str(number)} for number in range(5)])
    first = hooks.read(redis, "app", 2)
    rest = hooks.read(redis, "app", 10, after=first[-1])
    assert [entry.user_id for entry in first + rest] == list("01234")
    hooks.remove(redis, "app", [first[1], *rest[:2]])
    assert [entry.user_id for entry in hooks.read(redis, "app", 10)] == ["0", "4"]
    hooks.remove(redis, "app", [])


def test_apps_do_not_share_a_queue(redis: Redis) -> None:
    queue(redis, OCCUPIED)
    queue(redis, ADDED, TALK, app_id="other")
    assert hooks.waiting(redis, ["app", "idle", "other"]) == {"app": 1, "other": 2}
    assert hooks.waiting(redis, []) == {}


def test_a_queue_that_nobody_takes_from_is_bounded(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "MOST", 100)
    for _ in range(10):
        queue(redis, *[ADDED] * 100)
    assert 100 <= hooks.waiting(redis, ["app"])["app"] <= 300
    assert 0 < redis.pttl(hooks.hooks_key("app")) <= 24 * 3600 * 1000


def test_who_is_there_all_the_same(redis: Redis) -> None:
    keys = ChannelKeys("app", "presence-a")
    run(redis, [
        join_call(keys, "node", "1.1", Member("7", "{}"), most_members=0),
        occupy_call(keys, "node", 1, tell=False),
    ])  # fmt: skip
    asked = [
        Entry("1-0", "member_removed", "presence-a", "7", b""),
        Entry("2-0", "member_removed", "presence-a", "8", b""),
        Entry("3-0", "channel_vacated", "presence-a", "", b""),
        Entry("4-0", "channel_vacated", "presence-b", "", b""),
    ]
    assert hooks.present(redis, "app", asked) == [True, False, True, False]
    assert hooks.present(redis, "other", asked) == [False] * 4
    assert hooks.present(redis, "app", []) == []


def test_a_turn_is_held_by_one(redis: Redis) -> None:
    turns = Turns(redis, "app")
    assert turns.claim("u", "me", 10) == 0
    assert turns.claim("u", "me", 20) == 0
    assert 10 < turns.claim("u", "you", 10) <= 20
    assert turns.claim("v", "you", 10) == 0
    assert Turns(redis, "other").claim("u", "you", 10) == 0

    turns.release("u", "you")
    assert turns.claim("u", "you", 10) > 0
    turns.release("u", "me")
    assert turns.claim("u", "you", 10) == 0


def test_a_turn_ends_by_itself(redis: Redis) -> None:
    turns = Turns(redis, "app")
    assert turns.claim("", "me", 0.05) == 0
    wait_until(lambda: turns.claim("", "you", 10) == 0, what="the turn's end")


def test_who_rests_is_not_busy(redis: Redis) -> None:
    turns = Turns(redis, "app")
    assert not turns.taken(["u", "v"])
    turns.claim("v", "me", 10)
    assert turns.taken(["u", "v"])
    turns.rest("v", 10)
    assert not turns.taken(["u", "v"])
    assert 1 < turns.claim("v", "me", 10) <= 10


def test_failures_in_a_row(redis: Redis) -> None:
    turns = Turns(redis, "app")
    assert [turns.failed("u"), turns.failed("u"), turns.failed("v")] == [1, 2, 1]
    turns.worked("u")
    assert turns.failed("u") == 1
