"""Membership: a user joins once and leaves once, over any number of connections and nodes, whoever reaps."""

import random
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis import Redis

from opbx.backplane import leases
from opbx.backplane.connection import connect
from opbx.backplane.history import read_since, since_call
from opbx.backplane.keys import NODES, ChannelKeys, node_channels
from opbx.backplane.presence import ChannelFull, Joined, Member, enrol_call, join_call, leave_call, read_join
from opbx.backplane.scripts import run

KEYS = ChannelKeys("app", "presence-room")


def join(redis: Redis, node: str, socket: str, user: str, *, most: int = 0) -> Joined:
    calls = [
        enrol_call(KEYS, node),
        join_call(KEYS, node, socket, Member(user, f'{{"n":"{user}"}}'), most_members=most),
    ]
    return read_join(run(redis, calls)[1])


def leave(redis: Redis, node: str, socket: str, user: str) -> int:
    (last,) = run(redis, [leave_call(KEYS, node, socket, user)])
    return int(last)


def events(redis: Redis) -> list[tuple[str, str]]:
    """All member events so far: (added or removed, user)."""
    (answer,) = run(redis, [since_call(KEYS, "", 0)])
    records = [orjson.loads(r.text) for r in read_since(answer).records or []]
    return [(r["event"].rpartition("_")[2], orjson.loads(r["data"])["user_id"]) for r in records]


def test_the_first_join_is_told_and_the_joiner_is_in_its_snapshot(redis: Redis) -> None:
    joined = join(redis, "n1", "1.1", "ann")
    assert joined.members == {"ann": {"n": "ann"}}
    assert events(redis) == [("added", "ann")]
    assert joined.offset == 1


def test_a_second_tab_on_another_node_is_no_new_member(redis: Redis) -> None:
    join(redis, "n1", "1.1", "ann")
    join(redis, "n2", "2.1", "ann")
    assert leave(redis, "n1", "1.1", "ann") == 0
    assert leave(redis, "n2", "2.1", "ann") == 1
    assert events(redis) == [("added", "ann"), ("removed", "ann")]
    assert not redis.keys("opbx:held*")


def test_joining_and_leaving_again_change_nothing(redis: Redis) -> None:
    for _ in range(2):
        assert join(redis, "n1", "1.1", "ann").offset == 1
    assert [leave(redis, "n1", "1.1", "ann") for _ in range(2)] == [1, 0]
    assert events(redis) == [("added", "ann"), ("removed", "ann")]


def test_a_full_channel_refuses_newcomers_but_not_second_tabs(redis: Redis) -> None:
    join(redis, "n1", "1.1", "ann", most=1)
    with pytest.raises(ChannelFull):
        join(redis, "n1", "1.2", "ben", most=1)
    assert join(redis, "n2", "2.1", "ann", most=1).members.keys() == {"ann"}
    assert events(redis) == [("added", "ann")]


def test_the_snapshot_and_what_follows_it_fit(redis: Redis) -> None:
    join(redis, "n1", "1.1", "ann")
    joined = join(redis, "n1", "1.2", "ben")
    join(redis, "n1", "1.3", "eve")
    (answer,) = run(redis, [since_call(KEYS, joined.epoch, joined.offset)])
    assert joined.members.keys() == {"ann", "ben"}
    assert [orjson.loads(orjson.loads(r.text)["data"])["user_id"] for r in read_since(answer).records or []] == ["eve"]


def test_reapers_at_once_give_one_leave_a_user(redis: Redis, redis_url: str) -> None:
    for number in range(50):
        join(redis, "dead", f"1.{number}", f"user{number % 30}")
    join(redis, "alive", "2.1", "user7")
    with ThreadPoolExecutor(3) as pool:
        clients = [connect(redis_url, timeout=2.0) for _ in range(3)]
        told: list[str] = []
        list(
            pool.map(lambda client: leases.reap(client, "dead", lambda _event, _keys, user: told.append(user)), clients)
        )
        for client in clients:
            client.close()
    removed = Counter(user for kind, user in events(redis) if kind == "removed")
    assert removed == Counter(f"user{n}" for n in range(30) if n != 7)
    assert Counter(told) == removed
    assert not redis.exists(node_channels("dead"))


def test_a_node_is_dead_when_its_lease_has_ended(redis: Redis) -> None:
    assert not leases.renew(redis, "n1").alive  # never seen before
    renewed = leases.renew(redis, "n1")
    assert (renewed.alive, renewed.dead) == (True, [])
    assert renewed.server == leases.renew(redis, "n1").server != ""
    redis.zadd(NODES, {"n1": 1})
    assert leases.renew(redis, "n2").dead == ["n1"]
    assert not leases.renew(redis, "n1").alive
    leases.reap(redis, "n1", lambda *_: None)
    assert leases.renew(redis, "n2").dead == []


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_any_order_of_joins_leaves_and_deaths_agrees_with_a_model(redis_url: str, seed: int) -> None:
    """A set of holds for each user is the model: present while it is not empty."""
    with connect(redis_url, timeout=2.0) as redis:
        redis.flushall()
        rng, holds = random.Random(seed), defaultdict[str, set[tuple[str, str]]](set)
        told: list[tuple[str, str]] = []

        def drop(user: str, hold: tuple[str, str]) -> None:
            holds[user].discard(hold)
            if not holds[user]:
                told.append(("removed", user))

        for step in range(60):
            node, user = f"n{rng.randrange(3)}", f"u{rng.randrange(5)}"
            own = [(u, hold) for u, held in sorted(holds.items()) for hold in sorted(held) if hold[0] == node]
            match rng.choice(["join", "join", "leave", "die"]):
                case "join":
                    if not holds[user]:
                        told.append(("added", user))
                    holds[user].add((node, f"{step}.1"))
                    members = join(redis, node, f"{step}.1", user).members
                    assert members.keys() == {u for u, held in holds.items() if held}
                case "leave" if own:
                    gone, hold = rng.choice(own)
                    drop(gone, hold)
                    leave(redis, *hold, gone)
                case "die" if rng.random() < 0.3:
                    leases.reap(redis, node, lambda *_: None)
                    before = len(told)
                    for gone, hold in own:
                        drop(gone, hold)
                    told[before:] = sorted(told[before:])
                case _:
                    pass
        assert sorted(events(redis)) == sorted(told)
