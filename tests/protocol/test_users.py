"""Protocol, section "Channels": signing in, watching others, and what is sent to a user."""

import json

from opbx.pusher.signatures import signin_auth, subscription_auth
from tests.protocol.relays import KEY, SECRET, Relays
from tests.protocol.test_channels import REFUSED, fresh
from tests.servers import wait_until


def test_signing_in_and_watching(relays: Relays) -> None:
    ann, ben = fresh("ann"), fresh("ben")
    watcher = relays.drive(0)
    watcher.order(do="signin", user={"id": ann, "watchlist": [ben]})
    watcher.wait(lambda line: line["kind"] == "signed_in", what="signing in")
    watcher.wait(lambda line: line["kind"] == "watch" and line["event"] == "offline", what="ben being offline")
    first, second = relays.drive(1), relays.drive(0)
    for driver in (first, second):
        driver.order(do="signin", user={"id": ben})
        driver.wait(lambda line: line["kind"] == "signed_in", what="signing in")
    watcher.wait(lambda line: line["kind"] == "watch" and line["event"] == "online", what="ben coming")
    first.close()
    second.close()
    wait_until(lambda: len(watcher.seen("watch")) == 3, what="ben going")
    assert [(line["event"], line["user_ids"]) for line in watcher.seen("watch")] == [
        ("offline", [ben]), ("online", [ben]), ("offline", [ben]),
    ]  # fmt: skip


def test_what_is_sent_to_a_user_reaches_all_its_connections_and_nobody_else(relays: Relays) -> None:
    user = fresh("user")
    drivers = [relays.drive(0), relays.drive(1)]
    for driver in drivers:
        driver.order(do="signin", user={"id": user})
        driver.wait(lambda line: line["kind"] == "signed_in", what="signing in")
    spy = relays.socket().greet()
    spy.send("pusher:subscribe", {"channel": f"#server-to-user-{user}", "auth": ""})
    assert spy.read()["event"] == REFUSED

    def told() -> bool:
        relays.library().send_to_user(user, "note", {"for": "you"})
        return all(any(line["event"] == "note" for line in driver.seen("user")) for driver in drivers)

    wait_until(told, what="a note to the user")


def test_a_long_watchlist_is_cut_with_an_error(relays: Relays) -> None:
    driver = relays.drive()
    driver.order(do="signin", user={"id": fresh("ann"), "watchlist": [f"user{number}" for number in range(101)]})
    driver.wait(lambda line: line["kind"] == "error" and line["code"] == 4302, what="4302")


def test_nobody_is_two_users(relays: Relays) -> None:
    socket = relays.socket().greet()
    for user, answer in (("ann", "pusher:signin_success"), ("ben", "pusher:error"), ("ann", "pusher:signin_success")):
        data = json.dumps({"id": user})
        socket.send("pusher:signin", {"auth": signin_auth(KEY, SECRET, socket.socket_id, data), "user_data": data})
        assert socket.read()["event"] == answer


def test_a_signed_in_user_joins_presence_without_channel_data(relays: Relays) -> None:
    user, channel = fresh("ann"), fresh("presence-")
    socket = relays.socket().greet()
    data = json.dumps({"id": user, "user_info": {"name": "Ann"}})
    socket.send("pusher:signin", {"auth": signin_auth(KEY, SECRET, socket.socket_id, data), "user_data": data})
    socket.read_event("pusher:signin_success")
    socket.send("pusher:subscribe", {
        "channel": channel, "auth": subscription_auth(KEY, SECRET, socket.socket_id, channel),
    })  # fmt: skip
    message = socket.read_event("pusher_internal:subscription_succeeded")
    assert json.loads(message["data"])["presence"]["hash"] == {user: {"name": "Ann"}}
