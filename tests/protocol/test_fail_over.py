"""The backplane on Sentinel, Redis Cluster, and TLS. A master is killed: events go on, none is missed in silence."""

import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from uuid import uuid4

import pusher
import pytest
import requests

from opbx.backplane.keys import ChannelKeys
from opbx.queue import create_queue
from opbx.settings import Settings
from tests.certificates import make_certificates
from tests.protocol.relays import APP_ID, Driver, Relays
from tests.redis_groups import Cluster, Sentinels, tls_server
from tests.servers import Server, wait_until

COUNT, KILLED_BEFORE = 60, 20


@pytest.fixture(params=["sentinel", "cluster"])
def group(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sentinels | Cluster]:
    group = Sentinels(tmp_path) if request.param == "sentinel" else Cluster(tmp_path, replicas=True)
    try:
        group.start()
        yield group
    finally:
        group.stop()


@pytest.fixture
def pair(group: Sentinels | Cluster, tmp_path: Path) -> Iterator[Relays]:
    relays = Relays(tmp_path, 2, REDIS_URL=group.url)
    try:
        relays.start()
        yield relays
    finally:
        relays.stop()


def master_of(group: Sentinels | Cluster, channel: str) -> Server:
    if isinstance(group, Sentinels):
        return group.master
    return group.holder(ChannelKeys(APP_ID, channel).head)


def trigger(library: pusher.Pusher, channel: str, number: int) -> None:
    """As a back end does that repeats what was not accepted. What failed may have arrived all the same."""
    deadline = time.monotonic() + 30
    while True:
        try:
            library.trigger(channel, "count", {"number": number})
            return
        except (pusher.errors.PusherError, requests.RequestException):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def numbers(driver: Driver, channel: str) -> list[int | str]:
    """The numbers in the order of their coming, and where the subscribers were told to load anew."""
    return [
        data["number"] if name == "count" else "resync"
        for name, data in driver.events(channel)
        if name in {"count", "opbx:resync"}
    ]


def go_on(library: pusher.Pusher, channel: str, drivers: list[Driver]) -> int:
    """Publish more until all subscribers hear it; return how many messages there were in all.

    A relay that comes back after the last of them says resync in place of what it missed.
    """
    for number in count(COUNT):
        trigger(library, channel, number)
        with suppress(AssertionError):
            wait_until(lambda number=number: all(number in numbers(one, channel) for one in drivers), timeout=3)  # type: ignore[misc]
            break
    return number + 1


def check(heard: list[int | str], total: int) -> None:
    """In order, and where one is missing the subscriber was told so, then or later."""
    seen = [number for number in heard if isinstance(number, int)]
    assert seen == sorted(seen)
    missing = set(range(total)) - set(seen)
    if missing:
        told = len(heard) - 1 - heard[::-1].index("resync") if "resync" in heard else -1
        after = [number for number in heard[told + 1 :] if isinstance(number, int)]
        assert told >= 0, f"{missing} were passed over in silence"
        assert after == list(range(after[0], total)), f"{missing} were passed over after the last resync"


@pytest.mark.timeout(180)
def test_events_and_presence_go_on_after_a_fail_over(group: Sentinels | Cluster, pair: Relays) -> None:
    channel, room = f"room-{uuid4().hex[:8]}", f"presence-{uuid4().hex[:8]}"
    drivers = [pair.drive(0), pair.drive(1)]
    for driver, user in zip(drivers, ("ann", "ben"), strict=True):
        driver.subscribe(channel)
        driver.event(channel, "pusher:subscription_succeeded")
        driver.join(room, user)
    library = pair.library(1)
    for number in range(COUNT):
        if number == KILLED_BEFORE:
            master_of(group, channel).kill()
        trigger(library, channel, number)
    total = go_on(library, channel, drivers)
    for driver in drivers:
        wait_until(lambda driver=driver: "resync" in numbers(driver, channel), what="the resync after a fail-over")  # type: ignore[misc]
        check(numbers(driver, channel), total)
        assert [line["state"] for line in driver.seen("state")] == ["connected"], "a client lost its connection"

    def present() -> list[set[str]]:
        with suppress(pusher.errors.PusherError, requests.RequestException):
            return [{user["id"] for user in pair.library(n).users_info(room)["users"]} for n in (0, 1)]
        return []

    wait_until(lambda: present() == [{"ann", "ben"}] * 2, what="presence after the fail-over")
    drivers[0].close()
    drivers[1].event(room, "pusher:member_removed")
    wait_until(lambda: present() == [{"ben"}] * 2, what="ann leaving")
    left = [event for event in drivers[1].member_events(room) if event[0] == "removed"]
    assert left == [("removed", "ann")]


@pytest.mark.timeout(120)
def test_a_queue_follows_the_sentinels(tmp_path: Path) -> None:
    group = Sentinels(tmp_path)
    try:
        group.start()
        queue = create_queue(Settings(broker_url=group.url, redis_url=group.url))
        queue.send_task("broadcasts.deliver", ["a"])
        assert group.master.ask("LLEN", "broadcasts") == 1
        group.master.kill()

        def sent() -> bool:
            with suppress(Exception):  # whatever Celery raises while nobody is master
                queue.send_task("broadcasts.deliver", ["b"])
                return True
            return False

        wait_until(sent, what="the queue on the new master")
        assert group.replica.ask("LLEN", "broadcasts") >= 1
    finally:
        group.stop()


def test_a_backplane_over_tls_with_an_authority_of_ones_own(tmp_path: Path) -> None:
    with tls_server(tmp_path, make_certificates(tmp_path)) as url:
        relays = Relays(tmp_path, 2, REDIS_URL=url)
        try:
            relays.start()
            driver = relays.drive(0)
            driver.join("presence-room", "ann")
            relays.library(1).trigger("presence-room", "hello", {"over": "TLS"})
            driver.event("presence-room", "hello", where={"over": "TLS"})
        finally:
            relays.stop()
