"""Open sockets end with what they were opened on, on every relay, and go on where it goes on."""

import time
from typing import Any
from uuid import uuid4

from tests.system.node import NodeClient
from tests.system.payloads import FORMS
from tests.system.stack import Stack

UNAUTHORIZED = 4009

#: Seconds in which a socket ends; the busy machine that tests run on included.
SOON = 2.0

#: The orders of the last hour are repeated every 10 s; the rest is for the processes to find Redis again.
REPEATED = 30.0


def watch(stack: Stack, login: dict[str, Any]) -> list[NodeClient]:
    """A client on each relay: one on the presence channel of the organization, one on the user's private one."""
    user, token = login["user"], login["access_token"]
    clients = [
        stack.connect("pusher", token, [f"presence-presence.org.{user['organization_id']}"], relay=0),
        stack.connect("pusher", token, [f"private-user.{user['id']}"], relay=1),
    ]
    for client in clients:
        client.wait(lambda line: line["kind"] == "subscribed")
    return clients


def end(clients: list[NodeClient], *, within: float = SOON) -> bool:
    deadline = time.monotonic() + within
    return [client.wait_closed(timeout=deadline - time.monotonic()) for client in clients] == [UNAUTHORIZED] * 2


def live(stack: Stack, clients: list[NodeClient], domain: str = "demo.opbx.test") -> bool:
    """Whether the sockets are open: the first of `clients` gets a call's event, and none has lost its connection."""
    call_id = uuid4().hex
    stack.webhook(*FORMS["own form"](call_id, domain)[0])
    clients[0].wait_events(call_id, 1)
    return not any(client.seen("error") for client in clients)


def test_logging_out_ends_the_sockets_of_that_login_alone(stack: Stack) -> None:
    gone, stays = (stack.login("agent@demo.opbx.test") for _ in range(2))
    ending, staying = watch(stack, gone), watch(stack, stays)
    assert stack.post("/api/v1/auth/logout", gone["access_token"]).status_code == 204
    assert end(ending)
    assert live(stack, staying)


def test_deactivating_a_user_ends_all_of_theirs(stack: Stack) -> None:
    ending = [*watch(stack, stack.login("agent@demo.opbx.test"))]
    staying = watch(stack, stack.login("owner@demo.opbx.test"))
    stack.flask("users", "deactivate", "agent@demo.opbx.test")
    try:
        assert end(ending)
        assert live(stack, staying)
    finally:
        stack.flask("users", "activate", "agent@demo.opbx.test")
    assert live(stack, watch(stack, stack.login("agent@demo.opbx.test")))


def test_suspending_an_organization_ends_all_of_its(stack: Stack) -> None:
    ending, staying = (watch(stack, stack.login(f"owner@{name}.opbx.test")) for name in ("other", "demo"))
    stack.flask("organizations", "suspend", "other")
    try:
        assert end(ending)
        assert live(stack, staying)
    finally:
        stack.flask("organizations", "activate", "other")
    assert live(stack, watch(stack, stack.login("owner@other.opbx.test")), "other.opbx.test")


def test_a_token_that_expires_ends_its_sockets_and_a_refreshed_one_does_not(stack: Stack) -> None:
    user = stack.login("agent@demo.opbx.test")["user"]
    lifetime = 6
    expiring, refreshed = (
        {"user": user, "access_token": stack.short_token("agent@demo.opbx.test", lifetime=lifetime)} for _ in range(2)
    )
    issued = time.monotonic()
    ending, staying = watch(stack, expiring), watch(stack, refreshed)
    answer = stack.post("/api/v1/auth/refresh", refreshed["access_token"])
    assert answer.status_code == 200
    assert stack.get("/api/v1/auth/me", refreshed["access_token"]).status_code == 401
    assert stack.get("/api/v1/auth/me", answer.json()["access_token"]).status_code == 200
    assert end(ending, within=issued + lifetime + SOON - time.monotonic())
    time.sleep(1.5)  # the other one's former expiry is at hand
    assert live(stack, staying)


def test_what_is_ordered_while_redis_is_away_is_made_up_for(stack: Stack) -> None:
    gone, stays = (stack.login("agent@demo.opbx.test") for _ in range(2))
    ending, staying = watch(stack, gone), watch(stack, stays)
    stack.redis.kill()
    try:
        started = time.monotonic()
        assert stack.post("/api/v1/auth/logout", gone["access_token"]).status_code == 204
        assert time.monotonic() - started < 1.0
    finally:
        stack.redis.start()
    assert end(ending, within=REPEATED)
    stack.wait_ready()
    assert live(stack, staying)
