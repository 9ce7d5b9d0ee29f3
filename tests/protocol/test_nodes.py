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


def left(driver: Driver, prefix: str) -> Counter[str]:
    """How often each user has left, in all channels."""
    return Counter(
        user for n in range(CHANNELS) for kind, user in driver.member_events(f"{prefix}{n}") if kind == "removed"
    )


def users(relays: Relays, numbers: tuple[int, ...], channel: str) -> list[set[str]]:
    return [{user["id"] for user in relays.library(n).users_info(channel)["users"]} for n in numbers]


def test_after_kill_each_user_leaves_once_and_those_elsewhere_stay(trio: Relays) -> None:
    prefix = f"presence-{uuid4().hex[:8]}-"
    crowd(trio, 0, prefix)
    stays = [trio.socket(1).greet() for _ in range(10)]
    for user, socket in enumerate(stays):  # user0 … user9 have a second tab
        socket.subscribe(f"{prefix}{user % CHANNELS}", member={"user_id": f"user{user}"})
        socket.read_event("pusher_internal:subscription_succeeded")
    drivers = watchers(trio, (1, 2), prefix)
    killed = time.monotonic()
    trio.servers[0].kill()
    gone = Counter(f"user{number}" for number in range(10, MEMBERS))
    for driver in drivers:
        wait_until(lambda driver=driver: left(driver, prefix) == gone, timeout=30, what="all leaving once")  # type: ignore[misc]
    assert time.monotonic() - killed < 15, "members of a dead node stay too long"
    for channel in range(CHANNELS):
        expected = {"watcher1", "watcher2"} | ({f"user{channel}"} if channel < 10 else set())
        assert users(trio, (1, 2), f"{prefix}{channel}") == [expected] * 2
    names = trio.library(1).channels_info(prefix)["channels"]
    assert len(names) == CHANNELS


def test_a_frozen_node_comes_back_and_holds_its_members_again(trio: Relays) -> None:
    channel = f"presence-{uuid4().hex[:8]}"
    frozen, watcher = trio.drive(0), trio.drive(1)
    frozen.join(channel, "ann")
    watcher.join(channel, "ben")
    trio.servers[0].signal(signal.SIGSTOP)
    watcher.event(channel, "pusher:member_removed")
    trio.library(1).trigger(channel, "while-frozen", {})
    trio.servers[0].signal(signal.SIGCONT)
    watcher.event(channel, "pusher:member_added")
    frozen.event(channel, "while-frozen")
    assert watcher.member_events(channel) == [("removed", "ann"), ("added", "ann")]
    assert users(trio, (0, 1, 2), channel) == [{"ann", "ben"}] * 3
    frozen.close()
    wait_until(lambda: users(trio, (1,), channel) == [{"ben"}], what="ann leaving")


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
