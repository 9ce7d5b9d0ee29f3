"""What Redis loses with its data: who came and went meanwhile, and all that happened since what it comes back with."""

import signal
from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.protocol.relays import Relays
from tests.servers import wait_until


@pytest.fixture
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relays]:
    """Two relays for one test alone, whose Redis it breaks."""
    relays = Relays(tmp_path_factory.mktemp("pair"), 2)
    try:
        relays.start()
        yield relays
    finally:
        relays.redis.signal(signal.SIGCONT)
        relays.stop()


def present(relays: Relays, channel: str) -> set[str]:
    return {user["id"] for user in relays.library(0).users_info(channel)["users"]}


def lose_redis(relays: Relays) -> None:
    relays.redis.kill()
    wait_until(lambda: not relays.ready(0) and not relays.ready(1), what="the relays noticing")


def regain_redis(relays: Relays) -> None:
    relays.redis.start()
    relays.wait_ready()


def test_who_joined_while_redis_was_away_can_leave(pair: Relays) -> None:
    channel = f"presence-{uuid4().hex[:8]}"
    ann, ben, carl = pair.drive(0), pair.drive(1), pair.drive(0)
    ann.join(channel, "ann")
    ben.join(channel, "ben")
    carl.wait(lambda line: line["kind"] == "connected")
    lose_redis(pair)
    carl.subscribe(channel, member={"user_id": "carl", "user_info": {}})
    regain_redis(pair)
    carl.event(channel, "pusher:subscription_succeeded")
    wait_until(lambda: present(pair, channel) == {"ann", "ben", "carl"}, what="all being there")
    carl.close()
    wait_until(lambda: present(pair, channel) == {"ann", "ben"}, what="carl leaving")
    wait_until(lambda: ben.members(channel) == {"ann", "ben"}, what="carl leaving ben's list")


def test_who_left_while_redis_was_away_leaves_every_list(pair: Relays) -> None:
    channel = f"presence-{uuid4().hex[:8]}"
    ann, ben = pair.drive(0), pair.drive(1)
    ann.join(channel, "ann")
    ben.join(channel, "ben")
    lose_redis(pair)
    ann.close()
    regain_redis(pair)
    wait_until(lambda: ben.members(channel) == {"ben"}, what="ann leaving ben's list")
    assert present(pair, channel) == {"ben"}


def test_redis_that_went_back_in_time_is_not_believed(pair: Relays) -> None:
    channel = f"presence-{uuid4().hex[:8]}"
    ann, ben = pair.drive(0), pair.drive(1)
    ann.join(channel, "ann")
    ben.join(channel, "ben")
    with pair.redis.client() as client:
        client.save()
    carl = pair.drive(1)
    carl.join(channel, "carl")
    library = pair.library(0)
    for number in range(3):
        library.trigger(channel, "count", {"number": number})
    ben.event(channel, "count", where={"number": 2})
    ann.close()
    wait_until(lambda: present(pair, channel) == {"ben", "carl"}, what="ann leaving")

    pair.redis.kill()  # and comes back with what it had saved
    pair.redis.start()
    pair.wait_ready()
    ben.event(channel, "opbx:resync")
    wait_until(lambda: present(pair, channel) == {"ben", "carl"}, timeout=20, what="only who is there")
    wait_until(lambda: ben.members(channel) == {"ben", "carl"}, what="ben's list being right")
    library.trigger(channel, "after", {})
    ben.event(channel, "after")
