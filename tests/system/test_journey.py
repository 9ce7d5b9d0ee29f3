"""From a telephony webhook to every dashboard: the main job, with the client libraries that people have."""

from uuid import uuid4

import pytest

from tests.servers import wait_until
from tests.system.payloads import FORMS
from tests.system.stack import Stack

THREE = ["call.initiated", "call.answered", "call.ended"]


def dashboard_channel(library: str, organization_id: str) -> str:
    return f"join:presence.org.{organization_id}" if library == "echo" else f"presence-presence.org.{organization_id}"


@pytest.mark.parametrize("library", ["pusher", "echo"])
@pytest.mark.parametrize("form", FORMS)
def test_the_three_events_of_a_call_arrive_in_order(stack: Stack, library: str, form: str) -> None:
    client = stack.client(library, "owner@demo.opbx.test", lambda org: [dashboard_channel(library, org)])
    client.wait(lambda line: line["kind"] == "subscribed")
    call_id = uuid4().hex
    for number, (endpoint, body) in enumerate(FORMS[form](call_id, "demo.opbx.test")):
        answer = stack.webhook(endpoint, body, signed=number % 2 == 1)
        assert answer.status_code == 200, answer.text
        assert answer.json() == {"call_id": call_id, "status": answer.json()["status"], "duplicate": False}
    events = client.wait_events(call_id, 3)
    assert [line["event"] for line in events] == THREE
    initiated, answered, ended = (line["data"] for line in events)
    assert {"call_id", "from_number", "to_number", "did_id", "status", "initiated_at"} <= initiated.keys()
    assert {"call_id", "status", "answered_at", "extension_id"} <= answered.keys()
    assert {"call_id", "status", "ended_at", "duration"} <= ended.keys()
    assert (initiated["from_number"], initiated["to_number"]) == ("+14155551234", "+18005550100")
    assert (answered["status"], ended["status"], ended["duration"]) == ("answered", "completed", 25)
    sequences = [line["data"]["sequence"] for line in events]
    assert sequences == list(range(sequences[0], sequences[0] + 3))

    token = stack.login("agent@demo.opbx.test")["access_token"]
    found = stack.get(f"/api/v1/calls/{call_id}", token)
    assert found.status_code == 200, found.text
    assert (found.json()["status"], found.json()["duration"]) == ("completed", 25)
    assert [step["status"] for step in found.json()["timeline"]][-2:] == ["answered", "completed"]


def test_the_same_events_reach_both_relays(stack: Stack) -> None:
    clients = [
        stack.client("pusher", "agent@demo.opbx.test", lambda org: [f"presence-presence.org.{org}"], relay=relay)
        for relay in (0, 1)
    ]
    for client in clients:
        client.wait(lambda line: line["kind"] == "subscribed")
    calls = [uuid4().hex for _ in range(20)]
    for call_id in calls:
        for endpoint, body in FORMS["own form"](call_id, "demo.opbx.test"):
            assert stack.webhook(endpoint, body).status_code == 200
    for call_id in calls:
        assert [[e["event"] for e in client.wait_events(call_id, 3)] for client in clients] == [THREE, THREE]
    for client in clients:
        sequences = [line["data"]["sequence"] for line in client.seen("event")]
        assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))


def test_a_duplicate_changes_and_broadcasts_nothing(stack: Stack) -> None:
    client = stack.client("pusher", "owner@demo.opbx.test", lambda org: [f"presence-presence.org.{org}"])
    client.wait(lambda line: line["kind"] == "subscribed")
    call_id = uuid4().hex
    (endpoint, body), *rest = FORMS["own form"](call_id, "demo.opbx.test")
    first, second = stack.webhook(endpoint, body), stack.webhook(endpoint, body)
    assert second.json() == {**first.json(), "duplicate": True}
    for later in rest:
        stack.webhook(*later)
    assert [line["event"] for line in client.wait_events(call_id, 3)] == THREE


@pytest.mark.parametrize("library", ["pusher", "echo"])
def test_another_organization_sees_nothing(stack: Stack, library: str) -> None:
    demo = stack.login("owner@demo.opbx.test")["user"]["organization_id"]
    wire = [f"presence-presence.org.{demo}", f"presence.org.{demo}", f"private-presence.org.{demo}"]
    logical = [f"join:presence.org.{demo}", f"channel:presence.org.{demo}", f"private:presence.org.{demo}"]
    foreign = logical if library == "echo" else wire
    stranger = stack.client(library, "owner@other.opbx.test", lambda org: [*foreign, dashboard_channel(library, org)])
    own = stack.login("owner@other.opbx.test")["user"]["organization_id"]
    stranger.wait_subscribed(dashboard_channel(library, own))
    for channel in foreign:
        stranger.wait_refused(channel)

    call_id, own_call = uuid4().hex, uuid4().hex
    for endpoint, body in FORMS["own form"](call_id, "demo.opbx.test"):
        assert stack.webhook(endpoint, body).status_code == 200
    for endpoint, body in FORMS["own form"](own_call, "other.opbx.test"):
        assert stack.webhook(endpoint, body).status_code == 200
    stranger.wait_events(own_call, 3)
    assert {line["data"]["call_id"] for line in stranger.seen("event")} == {own_call}

    token = stack.login("owner@other.opbx.test")["access_token"]
    assert stack.get(f"/api/v1/calls/{call_id}", token).status_code == 404


def test_members_come_and_go_once_over_tabs_and_relays(stack: Stack) -> None:
    watcher = stack.client("pusher", "owner@demo.opbx.test", lambda org: [f"presence-presence.org.{org}"])
    watcher.wait(lambda line: line["kind"] == "subscribed")
    agent = stack.login("agent@demo.opbx.test")["user"]["id"]
    wait_until(lambda: agent not in watcher.present(), what="the agent of an earlier test having left")
    before = len(watcher.seen("joined")), len(watcher.seen("left"))

    tabs = [
        stack.client("pusher", "agent@demo.opbx.test", lambda org: [f"presence-presence.org.{org}"], relay=relay)
        for relay in (0, 1)
    ]
    for tab in tabs:
        assert agent in tab.wait(lambda line: line["kind"] == "subscribed")["members"]
    wait_until(lambda: len(watcher.seen("joined")) > before[0], what="the agent's coming")
    tabs[0].close()
    marker = stack.client("pusher", "agent@demo.opbx.test", lambda org: [f"presence-presence.org.{org}"], relay=1)
    marker.wait(lambda line: line["kind"] == "subscribed")
    assert len(watcher.seen("left")) == before[1]
    marker.close()
    tabs[1].close()
    wait_until(lambda: len(watcher.seen("left")) > before[1], what="the agent's going")
    ids = [line["id"] for line in watcher.seen("joined")[before[0] :] + watcher.seen("left")[before[1] :]]
    assert ids == [agent, agent]


def test_the_server_library_publishes(stack: Stack) -> None:
    channel = f"news-{uuid4().hex}"
    client = stack.client("pusher", "owner@demo.opbx.test", [channel], relay=1)
    client.wait_subscribed(channel)
    library = stack.server_library(relay=0)
    library.trigger(channel, "call.initiated", {"call_id": "by-library"})
    (event,) = client.wait_events("by-library", 1)
    assert event["data"] == {"call_id": "by-library"}
