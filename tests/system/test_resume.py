"""A stock client that says what it has seen gets what followed, in order, or is told that it cannot be had."""

from uuid import uuid4

from tests.system.payloads import FORMS
from tests.system.stack import Stack

THREE = ["call.initiated", "call.answered", "call.ended"]


def test_what_was_missed_comes_first_and_then_what_is_live(stack: Stack) -> None:
    login = stack.login("agent@demo.opbx.test")
    channel, token = f"presence-presence.org.{login['user']['organization_id']}", login["access_token"]
    first = stack.connect("pusher", token, [channel])
    first.wait_subscribed(channel)
    missed, later = uuid4().hex, uuid4().hex
    for endpoint, body in FORMS["own form"](missed, "demo.opbx.test"):
        stack.webhook(endpoint, body)
    seen = [line["data"]["sequence"] for line in first.wait_events(missed, 3)]

    second = stack.connect("pusher", token, [channel], relay=1, params={"resume": seen[0]})
    second.wait_subscribed(channel)
    for endpoint, body in FORMS["own form"](later, "demo.opbx.test"):
        stack.webhook(endpoint, body)
    second.wait_events(later, 3)

    events = second.seen("event")
    assert [line["event"] for line in events] == [*THREE[1:], *THREE]
    assert [line["data"]["sequence"] for line in events] == list(range(seen[0] + 1, seen[0] + 6))


def test_what_cannot_be_had_is_told(stack: Stack) -> None:
    login = stack.login("agent@demo.opbx.test")
    channel = f"presence-presence.org.{login['user']['organization_id']}"
    client = stack.connect("pusher", login["access_token"], [channel], params={"resume": 2**50})
    client.wait_subscribed(channel)
    client.wait(lambda line: line.get("event") == "opbx:resync", what="word of it")
