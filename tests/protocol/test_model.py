"""Three relays against a model of a few lines: whatever the order of joins, leaves, kills and publishes, every client
sees each message of its channel once and in order, and presence is what the model says."""

import json
import os
import secrets
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.protocol.relays import Relays, Socket
from tests.servers import wait_until

#: Another one each time, printed where a run fails: the same one gives the same steps.
SEED = int(os.environ.get("MODEL_SEED") or secrets.randbelow(2**32))

RELAYS = 3
USERS = st.sampled_from(["ann", "ben", "eve", "joe"])
NODES = st.integers(0, RELAYS - 1)

_relays: list[Relays] = []


def relays() -> Relays:
    """Started once; every example uses a channel of its own."""
    if not _relays:
        started = Relays(Path(tempfile.mkdtemp(prefix="opbx-model-")), RELAYS)
        started.start()
        _relays.append(started)
    return _relays[0]


def teardown_module() -> None:
    while _relays:
        _relays.pop().stop()


class Client:
    """A member of the channel: what it was told, and how many messages had been sent when it was let in."""

    def __init__(self, socket: Socket, node: int, user: str, sent: int) -> None:
        self.socket, self.node, self.user, self.sent = socket, node, user, sent
        self.numbers: list[int] = []
        self.present: set[str] = set()

    def read(self) -> None:
        """Take in the next message."""
        message = self.socket.read()
        data: Any = json.loads(message["data"])
        match message["event"]:
            case "pusher_internal:subscription_succeeded":
                self.present = set(data["presence"]["ids"])
            case "pusher_internal:member_added":
                assert data["user_id"] not in self.present, "a member came twice"
                self.present.add(data["user_id"])
            case "pusher_internal:member_removed":
                assert data["user_id"] in self.present, "a member left twice"
                self.present.remove(data["user_id"])
            case "number":
                self.numbers.append(data)

    def read_until(self, number: int) -> None:
        while not self.numbers or self.numbers[-1] < number:
            self.read()


@seed(SEED)
class Room(RuleBasedStateMachine):
    """One presence channel."""

    def __init__(self) -> None:
        super().__init__()
        print(f"MODEL_SEED={SEED}")
        self.clients: list[Client] = []
        self.holds: defaultdict[str, int] = defaultdict(int)
        self.sent = 0
        self.channel = f"presence-{uuid4().hex}"  # earlier examples leave theirs in their own time

    @property
    def present(self) -> set[str]:
        return {user for user, held in self.holds.items() if held}

    @rule(node=NODES, user=USERS)
    def join(self, node: int, user: str) -> None:
        socket = relays().socket(node).greet()
        socket.subscribe(self.channel, member={"user_id": user})
        self.holds[user] += 1
        client = Client(socket, node, user, self.sent)
        client.read()
        assert client.present == self.present
        self.clients.append(client)

    @precondition(lambda self: self.clients)
    @rule(data=st.data(), politely=st.booleans())
    def leave(self, data: st.DataObject, politely: bool) -> None:
        client = self.clients.pop(data.draw(st.integers(0, len(self.clients) - 1)))
        if politely:
            client.socket.send("pusher:unsubscribe", {"channel": self.channel})
            client.socket.send("pusher:ping")
            client.socket.read_event("pusher:pong")
        client.socket.close()
        self.holds[client.user] -= 1
        self._settle()

    @rule(node=NODES, count=st.integers(1, 5))
    def publish(self, node: int, count: int) -> None:
        library = relays().library(node)
        for _ in range(count):
            library.trigger(self.channel, "number", self.sent)
            self.sent += 1

    @precondition(lambda self: len({client.node for client in self.clients}) > 1)
    @rule(node=NODES)
    def kill(self, node: int) -> None:
        server = relays().servers[node]
        server.kill()
        for client in [client for client in self.clients if client.node == node]:
            self.clients.remove(client)
            self.holds[client.user] -= 1
        self._settle()
        server.start()
        relays().wait_ready()

    def _settle(self) -> None:
        """The backplane agrees with the model in the end."""
        survivor = next((client.node for client in self.clients), None)
        if survivor is not None:
            wait_until(lambda: self._users(survivor) == self.present, what=f"presence being {self.present}")

    def _users(self, node: int) -> set[str]:
        return {user["id"] for user in relays().library(node).users_info(self.channel)["users"]}

    @invariant()
    def everybody_sees_the_same(self) -> None:
        if not self.clients:
            return
        relays().library(self.clients[0].node).trigger(self.channel, "number", self.sent)
        self.sent += 1
        for client in self.clients:
            client.read_until(self.sent - 1)
            assert client.numbers == list(range(client.sent, self.sent))
            assert client.present == self.present

    def teardown(self) -> None:
        for client in self.clients:
            client.socket.close()


TestRoom = Room.TestCase
TestRoom.settings = settings(
    max_examples=6, stateful_step_count=12, deadline=None, print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)  # fmt: skip
