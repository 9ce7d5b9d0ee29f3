"""Presence stays exact while nodes are killed, frozen and cut off, and no message is skipped in silence."""

import signal
import time
from collections import Counter
from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.protocol.relays import Driver, Relays, Socket
from tests.servers import wait_until

CHANNELS = 20
MEMBERS = 200


@pytest.fixture
def trio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relays]:
    """Three relays for one test alone: it breaks them."""
    relays = Relays(tmp_path_factory.mktemp("trio"), 3)
    try:
        relays.start()
        yield relays
    finally:
        for server in relays.servers:
            server.signal(signal.SIGCONT)
        relays.stop()


def crowd(relays: Relays, number: int, prefix: str) -> list[Socket]:
    """200 users on one relay, ten on each of 20 channels."""
    sockets = [relays.socket(number).greet() for _ in range(MEMBERS)]
    for user, socket in enumerate(sockets):
        socket.subscribe(f"{prefix}{user % CHANNELS}", member={"user_id": f"user{user}"})
    for socket in sockets:
        socket.read_event("pusher_internal:subscription_succeeded")
    return sockets


def watchers(relays: Relays, numbers: tuple[int, ...], prefix: str) -> list[Driver]:
    """A pusher-js client on each of these relays, on all channels."""
    drivers = [relays.drive(number) for number in numbers]
    for driver, number in zip(drivers, numbers, strict=True):
        for channel in range(CHANNELS):
            driver.join(f"{prefix}{channel}", f"watcher{number}")
    return drivers


def told(driver: Driver, prefix: str, kind: str) -> Counter[str]:
    """How often each user of the crowd was "added" or "removed", in all channels."""
    events = [event for number in range(CHANNELS) for event in driver.member_events(f"{prefix}{number}")]
    return Counter(user for what, user in events if what == kind and user.startswith("user"))


def users(relays: Relays, numbers: tuple[int, ...], channel: str) -> list[set[str]]:
    return [{user["id"] for user in relays.library(n).users_info(channel)["users"]} for n in numbers]


def second_tabs(relays: Relays, prefix: str) -> list[set[str]]:
    """The users 0 to 9 open one on the second relay; who is left on each channel when the first one is gone."""
    for user in range(10):
        socket = relays.socket(1).greet()
        socket.subscribe(f"{prefix}{user}", member={"user_id": f"user{user}"})
        socket.read_event("pusher_internal:subscription_succeeded")
    both = {"watcher1", "watcher2"}
    return [both | ({f"user{number}"} if number < 10 else set()) for number in range(CHANNELS)]


def test_after_kill_each_user_leaves_once_and_those_elsewhere_stay(trio: Relays) -> None:
    prefix = f"presence-{uuid4().hex[:8]}-"
    crowd(trio, 0, prefix)
    remaining = second_tabs(trio, prefix)
    drivers = watchers(trio, (1, 2), prefix)
    killed = time.monotonic()
    trio.servers[0].kill()  # from here on both others may reap it, at once
    gone = Counter(f"user{number}" for number in range(10, MEMBERS))
    for driver in drivers:
        wait_until(lambda driver=driver: told(driver, prefix, "removed") == gone, what="all leaving once")  # type: ignore[misc]
    assert time.monotonic() - killed < 10, "members of a dead node stay too long"
    for number, expected in enumerate(remaining):
        assert users(trio, (1, 2), f"{prefix}{number}") == [expected] * 2
    names = trio.library(1).channels_info(prefix)["channels"]
    assert len(names) == CHANNELS


def test_a_kill_while_redis_restarts(trio: Relays) -> None:
    """Redis comes back without anything that it knew of the dead node, and nobody could say who left with it."""
    prefix = f"presence-{uuid4().hex[:8]}-"
    crowd(trio, 0, prefix)
    remaining = second_tabs(trio, prefix)
    drivers = watchers(trio, (1, 2), prefix)
    trio.redis.kill()
    trio.servers[0].kill()
    trio.redis.start()

    def agreed() -> bool:
        names = [f"{prefix}{number}" for number in range(CHANNELS)]
        return all(
            users(trio, (1, 2), name) == [expected] * 2 and all(driver.members(name) == expected for driver in drivers)
            for name, expected in zip(names, remaining, strict=True)
        )

    for number in (1, 2):
        wait_until(lambda number=number: trio.ready(number), what=f"relay {number} being ready")  # type: ignore[misc]
    wait_until(agreed, what="everybody seeing who is left")
    for driver in drivers:
        assert not set(told(driver, prefix, "removed")) & {f"user{number}" for number in range(10)}
        assert max(told(driver, prefix, "removed").values(), default=0) <= 1


def test_a_node_that_was_frozen_for_30_s_holds_its_members_again(trio: Relays) -> None:
    prefix = f"presence-{uuid4().hex[:8]}-"
    sockets = crowd(trio, 0, prefix)
    frozen = trio.drive(0)
    frozen.join(f"{prefix}0", "frozen")
    drivers = watchers(trio, (1, 2), prefix)
    everybody = Counter(f"user{number}" for number in range(MEMBERS))
    stopped = time.monotonic()
    trio.servers[0].signal(signal.SIGSTOP)
    for driver in drivers:
        wait_until(lambda driver=driver: told(driver, prefix, "removed") == everybody, what="all leaving once")  # type: ignore[misc]
    assert users(trio, (1, 2), f"{prefix}0") == [{"watcher1", "watcher2"}] * 2
    trio.library(1).trigger(f"{prefix}0", "while-frozen", {})
    wait_until(lambda: time.monotonic() - stopped >= 30, timeout=40, what="half a minute")

    trio.servers[0].signal(signal.SIGCONT)
    frozen.event(f"{prefix}0", "while-frozen")
    for driver in drivers:
        wait_until(lambda driver=driver: told(driver, prefix, "added") == everybody, what="all being back once")  # type: ignore[misc]
    for number in range(CHANNELS):
        expected = {f"user{user}" for user in range(number, MEMBERS, CHANNELS)} | {"watcher1", "watcher2"}
        expected |= {"frozen"} if number == 0 else set()
        assert users(trio, (0, 1, 2), f"{prefix}{number}") == [expected] * 3
    assert [line["state"] for line in frozen.seen("state")][-1] == "connected"

    for socket in sockets:
        socket.close()
    twice = Counter(dict.fromkeys(everybody, 2))
    for driver in drivers:
        wait_until(lambda driver=driver: told(driver, prefix, "removed") == twice, what="all leaving for good")  # type: ignore[misc]


def test_who_is_watched_goes_offline_with_a_dead_node(trio: Relays) -> None:
    watcher, both, gone = trio.drive(1), trio.drive(0), trio.drive(0)
    elsewhere = trio.drive(2)
    for driver, user in ((both, "both"), (elsewhere, "both"), (gone, "gone")):
        driver.order(do="signin", user={"id": user})
        driver.wait(lambda line: line["kind"] == "signed_in", what="signing in")
    watcher.order(do="signin", user={"id": "watcher", "watchlist": ["both", "gone"]})
    wait_until(lambda: len(watcher.seen("watch")) == 2, what="both being online")
    trio.servers[0].kill()
    wait_until(lambda: len(watcher.seen("watch")) == 3, what="one going offline")
    elsewhere.close()
    wait_until(lambda: len(watcher.seen("watch")) == 4, what="the other going offline")
    told = [(line["event"], *line["user_ids"]) for line in watcher.seen("watch")]
    assert sorted(told[:2]) == [("online", "both"), ("online", "gone")]
    assert told[2:] == [("offline", "gone"), ("offline", "both")]


def test_redis_restarts_empty_and_everything_heals(trio: Relays) -> None:
    channel = f"presence-{uuid4().hex[:8]}"
    ann, ben = trio.drive(0), trio.drive(1)
    ann.join(channel, "ann")
    ben.join(channel, "ben")
    trio.redis.kill()
    wait_until(lambda: not trio.ready(0) and not trio.ready(1), what="/ready failing while Redis is away")
    trio.redis.start()
    trio.wait_ready()
    wait_until(lambda: users(trio, (0, 1, 2), channel) == [{"ann", "ben"}] * 3, what="presence healing")
    trio.library(2).trigger(channel, "after", {"all": "well"})
    for driver in (ann, ben):
        driver.event(channel, "after", where={"all": "well"})
        assert [line["state"] for line in driver.seen("state")] == ["connected"]
    ben.close()
    wait_until(lambda: users(trio, (0,), channel) == [{"ann"}], what="ben leaving")


def test_nobody_waits_long_for_a_greeting_while_redis_hangs(trio: Relays) -> None:
    trio.socket(0).greet()
    channel = f"room-{uuid4().hex[:8]}"
    trio.redis.signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        socket = trio.socket(0).greet()
        assert time.monotonic() - began < 5  # about one, on a machine that has time
        socket.subscribe(channel)
    finally:
        trio.redis.signal(signal.SIGCONT)
    socket.read_event("pusher_internal:subscription_succeeded")
    trio.library(1).trigger(channel, "after", {})
    socket.read_event("after")


def test_flushall_heals(trio: Relays) -> None:
    channel = f"presence-{uuid4().hex[:8]}"
    ann = trio.drive(0)
    ann.join(channel, "ann")
    with trio.redis.client() as client:
        client.flushall()
    wait_until(lambda: users(trio, (0, 1), channel) == [{"ann"}] * 2, what="presence healing")
    wait_until(lambda: channel in trio.library(1).channels_info()["channels"], what="occupancy healing")
    trio.library(2).trigger(channel, "after", {})
    ann.event(channel, "after")


def test_what_was_published_while_a_relay_was_cut_off_is_read_later_in_order(trio: Relays) -> None:
    channel = f"room-{uuid4().hex[:8]}"
    driver = trio.drive(0)
    driver.subscribe(channel)
    driver.event(channel, "pusher:subscription_succeeded")
    library = trio.library(1)
    with trio.redis.client() as client:
        for number in range(100):
            if number % 10 == 5:
                client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            library.trigger(channel, "count", {"number": number})
    driver.event(channel, "count", where={"number": 99})
    assert [data["number"] for name, data in driver.events(channel) if name == "count"] == list(range(100))


def test_where_the_history_does_not_reach_subscribers_are_told(trio: Relays) -> None:
    channel = f"room-{uuid4().hex[:8]}"
    driver = trio.drive(0)
    driver.subscribe(channel)
    driver.event(channel, "pusher:subscription_succeeded")
    trio.library(1).trigger(channel, "before", {})
    driver.event(channel, "before")
    with trio.redis.client() as client:
        trio.servers[0].signal(signal.SIGSTOP)
        client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        trio.library(1).trigger(channel, "missed", {})
        client.delete(*client.keys("opbx:log:*"))
        trio.servers[0].signal(signal.SIGCONT)
    driver.event(channel, "opbx:resync")
    trio.library(1).trigger(channel, "after", {})
    driver.event(channel, "after")


def test_a_relay_that_goes_says_so_and_lets_go_at_once(trio: Relays) -> None:
    channel = f"presence-{uuid4().hex[:8]}"
    watcher = trio.drive(1)
    watcher.join(channel, "ben")
    socket = trio.socket(0).greet()
    socket.subscribe(channel, member={"user_id": "ann"})
    watcher.event(channel, "pusher:member_added")
    trio.servers[0].ask_to_stop()
    assert socket.read_close()[0] == 4200
    watcher.event(channel, "pusher:member_removed")
    wait_until(lambda: not trio.servers[0].running, timeout=8, what="the relay's end")
