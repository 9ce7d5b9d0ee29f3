"""Protocol, section "HTTP API": every call, signed by the `pusher` package or here, and every way to be refused."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from opbx.settings import ROOT
from tests.lines import node
from tests.protocol.relays import APP_ID, ENCRYPTION_KEY, KEY, SECRET, Relays
from tests.servers import wait_until


def fresh(prefix: str) -> str:
    return f"{prefix}{uuid4().hex[:12]}"


EVENT = {"name": "news", "data": "{}", "channel": "anything"}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 200),
        ({"auth_key": "another"}, 401),
        ({"auth_key": None}, 401),
        ({"auth_version": "2.0"}, 401),
        ({"seconds_off": -700}, 401),
        ({"seconds_off": 700}, 401),
        ({"seconds_off": 500}, 200),
        ({"auth_timestamp": "now"}, 401),
        ({"auth_signature": "00" * 32}, 401),
        ({"auth_signature": ""}, 401),
        ({"body_md5": "00" * 16}, 401),
    ],
)
def test_every_part_of_the_signature_counts(relays: Relays, query: dict[str, Any], status: int) -> None:
    if query.get("auth_key", "") is None:
        query = {"auth_key": ""}
    if "seconds_off" in query:
        query = {"auth_timestamp": int(time.time()) + query["seconds_off"]}
    assert relays.call("POST", "/events", EVENT, **query).status_code == status


def test_another_secret_and_an_unknown_app(relays: Relays) -> None:
    assert relays.call("POST", "/events", EVENT, secret="another").status_code == 401
    assert relays.call("POST", "/apps/unknown/events", EVENT).status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"no json", 400),
        (b"\xff\xfe", 400),
        (b"[" * 5000, 400),
        ([], 400),
        ({}, 400),
        ({**EVENT, "name": ""}, 400),
        ({**EVENT, "name": "x" * 201}, 400),
        ({**EVENT, "name": 7}, 400),
        ({**EVENT, "data": {"not": "text"}}, 400),
        ({**EVENT, "data": "x" * 10_241}, 413),
        ({**EVENT, "data": "x" * 10_240}, 200),
        ({**EVENT, "channel": "no name"}, 400),
        ({**EVENT, "channel": None}, 400),
        ({**EVENT, "channels": []}, 400),
        ({**EVENT, "channels": [f"c{number}" for number in range(101)]}, 400),
        ({**EVENT, "channels": [f"c{number}" for number in range(100)]}, 200),
        ({**EVENT, "socket_id": "nonsense"}, 400),
        ({**EVENT, "socket_id": 7}, 400),
        ({**EVENT, "info": "nonsense"}, 400),
        ({**EVENT, "info": 7}, 400),
        (b"x" * 2_000_000, 413),
    ],
)
def test_bad_events_are_refused_as_bad_requests(relays: Relays, body: Any, status: int) -> None:
    assert relays.call("POST", "/events", body).status_code == status


def test_the_excluded_socket_gets_nothing(relays: Relays) -> None:
    channel = fresh("")
    sender, other = relays.socket(0).greet(), relays.socket(1).greet()
    for socket in (sender, other):
        socket.subscribe(channel)
        socket.read_event("pusher_internal:subscription_succeeded")
    library = relays.library()
    library.trigger(channel, "first", {}, socket_id=sender.socket_id)
    library.trigger(channel, "second", {})
    assert [other.read()["event"], other.read()["event"]] == ["first", "second"]
    assert sender.read()["event"] == "second"


def test_events_tell_what_info_asks_for(relays: Relays) -> None:
    presence, plain = fresh("presence-"), fresh("")
    driver = relays.drive()
    driver.join(presence, "ann")
    driver.subscribe(plain)
    driver.event(plain, "pusher:subscription_succeeded")
    answer = relays.call("POST", "/events", {
        "name": "news", "data": "{}", "channels": [presence, plain], "info": "user_count,subscription_count",
    })  # fmt: skip
    assert answer.json() == {"channels": {presence: {"user_count": 1}, plain: {"subscription_count": 1}}}
    assert relays.call("POST", "/events", EVENT).json() == {}


def test_a_batch_is_sent_whole_or_not_at_all(relays: Relays) -> None:
    channel, driver = fresh(""), relays.drive(1)
    driver.subscribe(channel)
    driver.event(channel, "pusher:subscription_succeeded")
    good = {"name": "good", "data": "{}", "channel": channel}
    for bad in ({**good, "channel": "no name"}, {**good, "data": "x" * 10_241}, {**good, "info": "x"}, 7):
        assert relays.call("POST", "/batch_events", {"batch": [good, bad]}).status_code in {400, 413}
    assert relays.call("POST", "/batch_events", {"batch": [good] * 11}).status_code == 400
    assert relays.call("POST", "/batch_events", {"batch": []}).status_code == 400

    library = relays.library()
    library.trigger_batch([
        {"channel": channel, "name": name, "data": {}} for name in ("first", "second")
    ])  # fmt: skip
    driver.event(channel, "second")
    assert driver.names(channel)[1:] == ["first", "second"]

    answer = relays.call("POST", "/batch_events", {"batch": [good, {**good, "info": "subscription_count"}]})
    assert answer.json() == {"batch": [{}, {"subscription_count": 1}]}


def test_channels_are_listed_over_all_nodes(relays: Relays) -> None:
    prefix = f"presence-{uuid4().hex[:8]}-"
    one, two = relays.drive(0), relays.drive(1)
    one.join(f"{prefix}a", "ann")
    two.join(f"{prefix}a", "ben")
    two.join(f"{prefix}b", "ben")
    for number in (0, 1):
        library = relays.library(number)
        found = library.channels_info(prefix, ["user_count"])["channels"]
        assert found == {f"{prefix}a": {"user_count": 2}, f"{prefix}b": {"user_count": 1}}
    two.close()
    wait_until(
        lambda: relays.library().channels_info(prefix)["channels"] == {f"{prefix}a": {}}, what="ben's channel going"
    )
    assert relays.call("GET", "/channels", info="user_count").status_code == 400
    assert relays.call("GET", "/channels", info="nonsense").status_code == 400


def test_one_channel(relays: Relays) -> None:
    plain, presence, cache = fresh(""), fresh("presence-"), fresh("cache-")
    library = relays.library(1)
    assert library.channel_info(plain) == {"occupied": False}
    driver = relays.drive(0)
    driver.join(presence, "ann")
    for channel in (plain, cache):
        driver.subscribe(channel)
        driver.event(channel, "pusher:subscription_succeeded")
    library.trigger(cache, "news", {"is": "kept"})
    assert library.channel_info(plain, ["subscription_count"]) == {"occupied": True, "subscription_count": 1}
    assert library.channel_info(presence, ["user_count"]) == {"occupied": True, "user_count": 1}
    assert library.channel_info(cache, ["cache"])["cache"]["data"] == '{"is": "kept"}'
    assert relays.call("GET", f"/channels/{plain}", info="user_count").status_code == 400
    assert relays.call("GET", "/channels/no%20name").status_code == 400


def test_users_of_a_channel(relays: Relays) -> None:
    channel = fresh("presence-")
    drivers = [relays.drive(number) for number in (0, 1)]
    for driver, user in zip(drivers, ("ann", "ben"), strict=True):
        driver.join(channel, user)
    for number in (0, 1):
        assert relays.library(number).users_info(channel) == {"users": [{"id": "ann"}, {"id": "ben"}]}
    assert relays.call("GET", "/channels/private-x/users").status_code == 400


def test_terminating_a_users_connections(relays: Relays) -> None:
    user = fresh("user")
    mine, others = [relays.drive(0), relays.drive(1)], relays.drive(1)
    for driver in mine:
        driver.order(do="signin", user={"id": user})
        driver.wait(lambda line: line["kind"] == "signed_in", what="signing in")
    others.order(do="signin", user={"id": fresh("other")})
    others.wait(lambda line: line["kind"] == "signed_in", what="signing in")
    relays.library().terminate_user_connections(user)
    for driver in mine:
        driver.wait(lambda line: line["kind"] == "error" and line["code"] == 4009, what="4009")
    assert not others.seen("error")


def npm(script: str, *, number: int = 1) -> list[Any]:
    """What `script` says in lines of JSON; `pusher` there is the library's client of a relay."""
    options = {
        "appId": APP_ID, "key": KEY, "secret": SECRET, "host": "127.0.0.1", "useTLS": False,
        "port": number, "encryptionMasterKeyBase64": ENCRYPTION_KEY,
    }  # fmt: skip
    code = f"""
      const Pusher = require('pusher');
      const pusher = new Pusher({json.dumps(options)});
      const say = (value) => console.log(JSON.stringify(value));
      (async () => {{ {script} }})();
    """
    done = subprocess.run(
        [node(), "-e", code], cwd=ROOT / "tests/clients", capture_output=True, text=True, timeout=30, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_npm_library_publishes_and_asks(relays: Relays) -> None:
    channel, presence, driver = fresh("private-encrypted-"), fresh("presence-"), relays.drive()
    driver.subscribe(channel)
    driver.event(channel, "pusher:subscription_succeeded")
    driver.join(presence, "ann")
    answers = npm(
        f"""
        await pusher.trigger('{channel}', 'news', {{ from: 'npm' }});
        const batch = await pusher.triggerBatch([
          {{ channel: '{presence}', name: 'batch', data: {{ n: 1 }}, info: 'user_count' }},
        ]);
        say(await batch.json());
        for (const path of ['/channels/{channel}', '/channels/{presence}/users'])
          say(await (await pusher.get({{ path }})).json());
        """,
        number=relays.ports[1],
    )
    assert answers == [{"batch": [{"user_count": 1}]}, {"occupied": True}, {"users": [{"id": "ann"}]}]
    driver.event(channel, "news", where={"from": "npm"})
    driver.event(presence, "batch", where={"n": 1})


def test_the_npm_library_tells_and_ends_users(relays: Relays) -> None:
    user, driver = fresh("user"), relays.drive()
    driver.order(do="signin", user={"id": user})
    driver.wait(lambda line: line["kind"] == "signed_in", what="signing in")
    npm(f"await pusher.sendToUser('{user}', 'note', {{}});", number=relays.ports[1])
    driver.wait(lambda line: line["kind"] == "user" and line["event"] == "note", what="the note")
    npm(f"await pusher.terminateUserConnections('{user}');", number=relays.ports[1])
    driver.wait(lambda line: line["kind"] == "error" and line["code"] == 4009, what="4009")


def test_a_call_to_a_relay_without_redis_is_asked_to_come_again(tmp_path: Path) -> None:
    relays = Relays(tmp_path, 1)
    try:
        relays.start()
        relays.redis.kill()
        for method, path, body in (("POST", "/events", EVENT), ("GET", "/channels", None)):
            answer = relays.call(method, path, body)
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    finally:
        relays.stop()
