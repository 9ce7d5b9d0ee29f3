"""The operator's commands on a running system."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from opbx.settings import ROOT
from tests.servers import wait_until
from tests.system.payloads import FORMS
from tests.system.stack import Stack

pytestmark = pytest.mark.parametrize("stack", ["sqlite"], indirect=True)


def opbx(stack: Stack, *arguments: str) -> Any:
    """What the console script answers with `--json`."""
    return json.loads(stack.flask(*arguments, "--json").splitlines()[-1])


def make_call(stack: Stack) -> str:
    call_id = uuid4().hex
    for endpoint, body in FORMS["own form"](call_id, "demo.opbx.test"):
        assert stack.webhook(endpoint, body).status_code == 200
    return call_id


def test_status_shows_who_works_and_who_is_there(stack: Stack) -> None:
    client = stack.client("pusher", "owner@demo.opbx.test", lambda org: [f"presence-presence.org.{org}"])
    client.wait(lambda line: line["kind"] == "subscribed")
    shown = opbx(stack, "status")
    assert (shown["web"], shown["beat"]) == ("OK", "OK")
    assert shown["workers"] == ["worker1@test", "worker2@test"]
    assert shown["woken"] >= 0
    assert shown["queues"].keys() == {"broadcasts", "webhooks", "maintenance"}
    assert shown["relays"]["alive"] == 2
    assert sum(shown["relays"]["connections"]["4711"].values()) >= 1
    assert shown["presence"]["demo"] == {"users": 1, "connections": 1}
    assert shown["outbox"].keys() >= {"pending_events", "oldest_seconds", "failed_events", "calls_active"}
    readable = stack.flask("status")
    assert "worker1@test" in readable
    assert "demo: 1 on 1" in readable


def test_tail_shows_events_as_they_come_and_replay_sends_them_again(stack: Stack) -> None:
    command = [sys.executable, "-m", "opbx", "tail", "demo", "--count", "3", "--json"]

    def begin() -> subprocess.Popen[str]:
        return subprocess.Popen(
            command, env={**os.environ, **stack.environment}, cwd=ROOT, stdout=subprocess.PIPE, text=True
        )

    def listeners() -> int:
        with stack.redis.client() as redis:
            topics: Any = redis.pubsub_channels("*presence.org.*")
            counts: Any = redis.pubsub_numsub(*topics)
            return sum(count for _, count in counts)

    before = listeners()
    with begin() as tail:
        wait_until(lambda: listeners() > before, what="tail listening")
        call_id = make_call(stack)
        out, _ = tail.communicate(timeout=30)
    events = [json.loads(line) for line in out.splitlines()]
    assert [event["event"] for event in events] == ["call.initiated", "call.answered", "call.ended"]
    assert {event["data"]["call_id"] for event in events} == {call_id}
    first = events[0]["data"]["sequence"]

    told = opbx(stack, "replay", "demo", "--from", str(first), "--dry-run")
    assert (told["events"], told["sent"]) == (3, False)
    client = stack.client("pusher", "agent@demo.opbx.test", lambda org: [f"presence-presence.org.{org}"])
    client.wait(lambda line: line["kind"] == "subscribed")
    told = opbx(stack, "replay", "demo", "--from", str(first), "--to", str(first + 2))
    assert (told["events"], told["first"], told["last"], told["sent"]) == (3, first, first + 2, True)
    again = client.wait_events(call_id, 3)
    assert [line["data"]["sequence"] for line in again] == [first, first + 1, first + 2]
    make_call(stack)  # what follows is delivered as before: the outbox's own numbers were not touched
    newest = stack.flask("replay", "demo", "--from", "1", "--dry-run", "--json")
    assert json.loads(newest)["last"] >= first + 2


def test_load_measures_a_running_system(stack: Stack) -> None:
    measured = opbx(stack, "load", "--rate", "10", "--seconds", "2", "--dashboards", "3")
    assert measured["webhooks"]["posted"] == 20
    assert measured["webhooks"]["refused"] == 0
    assert measured["events"]["received"] == measured["events"]["expected"] == 60
    assert 0 < measured["events"]["p50_ms"] <= measured["events"]["p99_ms"] <= measured["events"]["max_ms"]


def test_load_is_for_this_machine_unless_it_is_said(stack: Stack) -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "opbx"), "load", "--url", "http://192.0.2.1:8000"],
        env={**os.environ, **stack.environment}, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "--allow-remote" in done.stderr


def test_there_are_no_dead_letters_where_all_is_well(stack: Stack) -> None:
    assert opbx(stack, "dead-letters", "list") == []
