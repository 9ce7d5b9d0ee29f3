"""Protocol, section "Channels": every kind of channel, with pusher-js as the judge."""

import json
from typing import Any
from uuid import uuid4

import pytest

from opbx.pusher.signatures import subscription_auth
from tests.protocol.relays import APP_ID, KEY, SECRET, Relays
from tests.servers import wait_until

SUCCEEDED, REFUSED = "pusher:subscription_succeeded", "pusher:subscription_error"


def fresh(prefix: str) -> str:
    return f"{prefix}{uuid4().hex[:12]}"


@pytest.mark.parametrize("prefix", ["", "private-", "cache-", "private-cache-"])
def test_events_reach_subscribers_on_every_node(relays: Relays, prefix: str) -> None:
    channel = fresh(prefix)
    drivers = [relays.drive(number) for number in (0, 1)]
    for driver in drivers:
        driver.subscribe(channel)
        driver.event(channel, SUCCEEDED)
    relays.library(1).trigger(channel, "news", {"is": "out"})
    for driver in drivers:
        driver.event(channel, "news", where={"is": "out"})


@pytest.mark.parametrize("prefix", ["private-", "presence-", "private-encrypted-", "private-cache-"])
def test_a_bad_signature_is_refused_and_the_connection_stays(relays: Relays, prefix: str) -> None:
    driver, channel, other = relays.drive(), fresh(prefix), fresh("")
    driver.subscribe(channel, bad=True, member={"user_id": "ann"} if prefix == "presence-" else None)
    assert driver.event(channel, REFUSED)["data"]["status"] == 401
    driver.subscribe(other)
    driver.event(other, SUCCEEDED)


def test_encrypted_channels_pass_untouched(relays: Relays) -> None:
    driver, channel = relays.drive(), fresh("private-encrypted-")
    driver.subscribe(channel)
    driver.event(channel, SUCCEEDED)
    relays.library(1).trigger(channel, "secret", {"told": "nobody"})
    driver.event(channel, "secret", where={"told": "nobody"})


@pytest.mark.parametrize("name", ["", "with space", "ünïcode", "x" * 201, "#private", "#online-ann", "a/b"])
def test_what_is_no_channel_name_is_refused(relays: Relays, name: str) -> None:
    socket = relays.socket().greet()
    socket.send("pusher:subscribe", {"channel": name})
    assert socket.read()["event"] in {REFUSED, "pusher:error"}


@pytest.mark.parametrize(
    "name", ["presence.org.7", "private-presence.org.7", "presence-cache-presence.org.7", "user.1"]
)
def test_the_bare_name_of_a_guarded_channel_is_refused(relays: Relays, name: str) -> None:
    socket = relays.socket().greet()
    socket.subscribe(name, member={"user_id": "spy"})
    message = socket.read()
    assert (message["event"], message["channel"]) == (REFUSED, name)


def test_subscribing_twice_is_an_error_and_changes_nothing(relays: Relays) -> None:
    socket, channel = relays.socket().greet(), fresh("")
    for expected in ("pusher_internal:subscription_succeeded", "pusher:error"):
        socket.send("pusher:subscribe", {"channel": channel})
        assert socket.read()["event"] == expected
    relays.library().trigger(channel, "once", {})
    assert socket.read()["event"] == "once"


def test_after_unsubscribing_nothing_comes(relays: Relays) -> None:
    socket, left, kept = relays.socket().greet(), fresh(""), fresh("")
    for channel in (left, kept):
        socket.subscribe(channel)
        socket.read_event("pusher_internal:subscription_succeeded")
    socket.send("pusher:unsubscribe", {"channel": left})
    socket.send("pusher:ping")
    socket.read_event("pusher:pong")
    relays.library().trigger([left, kept], "news", {})
    assert socket.read()["channel"] == kept


def test_the_form_of_a_presence_snapshot(relays: Relays) -> None:
    socket, channel = relays.socket().greet(), fresh("presence-")
    socket.subscribe(channel, member={"user_id": "ann", "user_info": {"name": "Ann"}})
    message = socket.read()
    assert message["event"] == "pusher_internal:subscription_succeeded"
    snapshot = {"count": 1, "ids": ["ann"], "hash": {"ann": {"name": "Ann"}}}
    assert json.loads(message["data"]) == {"presence": snapshot}


def test_presence_over_nodes_and_tabs(relays: Relays) -> None:
    channel = fresh("presence-")
    ann, ben, tab = relays.drive(0), relays.drive(1), relays.drive(0)
    assert ann.join(channel, "ann", name="Ann")["data"] == {"ann": {"name": "Ann"}}
    assert ben.join(channel, "ben", name="Ben")["data"] == {"ann": {"name": "Ann"}, "ben": {"name": "Ben"}}
    assert ann.event(channel, "pusher:member_added")["data"] == {"id": "ben", "info": {"name": "Ben"}}
    tab.join(channel, "ben", name="Ben")
    ben.close()
    tab.order(do="unsubscribe", channel=channel)
    ann.event(channel, "pusher:member_removed")
    assert ann.member_events(channel) == [("added", "ben"), ("removed", "ben")]
    assert ben.member_events(channel) == []


def test_a_presence_channel_is_full_for_newcomers_only(relays: Relays) -> None:
    channel = fresh("presence-")
    sockets = []
    for number in range(100):
        sockets.append(relays.socket(number % 2).greet())
        sockets[-1].subscribe(channel, member={"user_id": f"user{number}"})
    for socket in sockets:
        socket.read_event("pusher_internal:subscription_succeeded")
    one_more, second_tab = relays.socket().greet(), relays.socket(1).greet()
    one_more.subscribe(channel, member={"user_id": "one more"})
    assert one_more.read()["event"] == REFUSED
    second_tab.subscribe(channel, member={"user_id": "user7"})
    second_tab.read_event("pusher_internal:subscription_succeeded")


@pytest.mark.parametrize("member", [{"user_id": "x" * 129}, {"user_id": ""}, {"user_id": "u", "user_info": "x" * 2049}])
def test_oversized_members_are_refused(relays: Relays, member: dict[str, str]) -> None:
    socket, channel = relays.socket().greet(), fresh("presence-")
    socket.subscribe(channel, member=member)
    assert socket.read()["event"] == REFUSED


def test_cache_channels_give_the_last_event_or_say_that_there_is_none(relays: Relays) -> None:
    for prefix in ("cache-", "private-cache-", "presence-cache-", "private-encrypted-cache-"):
        channel = fresh(prefix)
        early, late = relays.drive(0), relays.drive(1)
        member = {"user_id": "ann"} if prefix.startswith("presence") else None
        early.subscribe(channel, member=member)
        early.event(channel, "pusher:cache_miss")
        for number in (1, 2):
            relays.library(1).trigger(channel, "news", {"number": number})
        early.event(channel, "news", where={"number": 2})
        late.subscribe(channel, member=member)
        late.event(channel, "news", where={"number": 2})
        told = [data for name, data in late.events(channel) if name == "news"]
        assert told == [{"number": 2}]


def test_client_events_are_not_kept_for_newcomers(relays: Relays) -> None:
    channel = fresh("private-cache-")
    sender, other, late = relays.drive(0), relays.drive(1), relays.drive(1)
    for driver in (sender, other):
        driver.subscribe(channel)
        driver.event(channel, SUCCEEDED)
    sender.order(do="trigger", channel=channel, event="client-typing", data={})
    other.event(channel, "client-typing")
    late.subscribe(channel)
    late.event(channel, "pusher:cache_miss")


def test_what_is_kept_for_newcomers_is_kept_for_half_an_hour(relays: Relays) -> None:
    channel = fresh("cache-")
    relays.library().trigger(channel, "news", {})
    with relays.redis.client() as client:
        assert 1790 < client.ttl(f"opbx:cache:{{{APP_ID}:{channel}}}") <= 1800


@pytest.mark.parametrize("wrap", [json.loads, str])
def test_data_may_be_an_object_or_its_text(relays: Relays, wrap: Any) -> None:
    socket, channel = relays.socket().greet(), fresh("")
    socket.send("pusher:subscribe", wrap(json.dumps({"channel": channel})))
    socket.read_event("pusher_internal:subscription_succeeded")
    socket.send("pusher:unsubscribe", wrap(json.dumps({"channel": channel})))
    socket.send("pusher:ping", wrap("{}"))
    assert socket.read()["event"] == "pusher:pong"
    wait_until(lambda: not relays.library().channel_info(channel)["occupied"], what="the channel being empty")


def test_the_signature_covers_channel_data_on_every_channel(relays: Relays) -> None:
    socket, channel = relays.socket().greet(), fresh("private-")
    auth = subscription_auth(KEY, SECRET, socket.socket_id, channel)
    socket.send("pusher:subscribe", {"channel": channel, "auth": auth, "channel_data": '{"resume":0}'})
    assert socket.read()["event"] == REFUSED


def test_client_events_have_the_size_of_others_at_most(relays: Relays) -> None:
    channel = fresh("private-")
    sender, other = relays.socket(0).greet(), relays.socket(1).greet()
    for socket in (sender, other):
        socket.subscribe(channel)
        socket.read_event("pusher_internal:subscription_succeeded")
    sender.send("client-much", "x" * 10_241, channel=channel)
    assert sender.read()["event"] == "pusher:error"
    sender.send("client-fits", "x" * 10_240, channel=channel)
    assert other.read()["event"] == "client-fits"


def test_client_events_reach_the_others_with_who_sent_them(relays: Relays) -> None:
    channel = fresh("presence-")
    ann, ben = relays.drive(0), relays.drive(1)
    ann.join(channel, "ann")
    ben.join(channel, "ben")
    ann.order(do="trigger", channel=channel, event="client-typing", data={"in": "box"})
    ben.event(channel, "client-typing", where={"in": "box"})
    assert ben.wait(lambda line: line["kind"] == "sender")["user_id"] == "ann"
    ben.order(do="trigger", channel=channel, event="client-done", data={})
    ann.event(channel, "client-done")
    assert "client-typing" not in ann.names(channel)


@pytest.mark.parametrize("prefix", ["", "private-encrypted-"])
def test_client_events_are_for_private_and_presence_channels(relays: Relays, prefix: str) -> None:
    socket, channel = relays.socket().greet(), fresh(prefix)
    socket.subscribe(channel)
    socket.read_event("pusher_internal:subscription_succeeded")
    socket.send("client-typing", {}, channel=channel)
    assert socket.read()["event"] == "pusher:error"


def test_too_many_client_events_are_an_error_not_an_end(relays: Relays) -> None:
    socket, channel = relays.socket().greet(), fresh("private-")
    socket.subscribe(channel)
    socket.read_event("pusher_internal:subscription_succeeded")
    for _ in range(30):
        socket.send("client-typing", {}, channel=channel)
    error = socket.read_event("pusher:error")
    assert json.loads(error["data"])["code"] == 4301
    socket.send("pusher:ping")
    socket.read_event("pusher:pong")
