"""Dashboards: stock clients that follow snapshot and sequence, and note down everything that they were told and showed.

A client subscribes, loads `GET /api/v1/calls/active`, drops events up to its sequence, applies those above it, and
loads again on a gap, on `opbx:resync`, and on every new subscription. Written from the documentation alone.
"""

import json
import random
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import websocket

#: Seconds until a client that lost its connection connects again.
RECONNECT = 0.5

_TIMEOUT = 10.0
_LOOK = 0.25


@dataclass(frozen=True, slots=True)
class Shown:
    """An event that arrived on a subscription. `applied`: it was put on the board, not dropped as known."""

    at: float
    sequence: int
    name: str
    call_id: str
    applied: bool


@dataclass(frozen=True, slots=True)
class Loaded:
    """A snapshot, and why: `subscribed`, `told again` (the subscription was confirmed anew), `resync` or `gap`."""

    at: float
    sequence: int
    why: str


@dataclass(slots=True)
class Subscription:
    """One subscription, from its confirmation until its connection ended (or until now)."""

    began: float
    relay: int
    log: list[Shown | Loaded] = field(default_factory=list)
    ended: float = 0.0
    left: bool = False  # the user has closed it


@dataclass(frozen=True, slots=True)
class Login:
    token: str
    organization_id: str
    user_id: str


class Ended(Exception):
    """The connection is over."""


class Dashboard:
    """One client in a thread of its own, on the relay `home`, and on the next one where that fails.

    A visitor comes and goes by `rng`, the others stay.
    """

    def __init__(
        self, web: int, relays: list[int], key: str, login: Login, rng: random.Random, *, home: int, visitor: bool
    ) -> None:
        self.login = login
        self.visitor = visitor
        self.history: list[Subscription] = []
        self.board: dict[str, str] = {}  # call id → status
        self.members: set[str] = set()
        self.sequence: int | None = None  # that the board is true at; None while a snapshot is needed
        self.connected = False
        self.wanted = threading.Event()
        self._web, self._relays, self._key, self._rng = web, relays, key, rng
        self._home = self._relay = self._at = home % len(relays)
        self._over = False
        self._thread = threading.Thread(target=self._live, name="dashboard", daemon=True)

    @property
    def channel(self) -> str:
        return f"presence-presence.org.{self.login.organization_id}"

    def start(self) -> None:
        self.wanted.set()
        self._thread.start()

    def stop(self) -> None:
        self._over = True
        self._thread.join()

    def goes_home(self) -> bool:
        """Move there at a moment of rest, or the next fault of that relay would meet nobody. Whether it is there."""
        self._relay = self._home
        return self.connected and self._at == self._home and self.sequence is not None

    def forget(self) -> None:
        """Begin the notes anew, at a moment of rest: with what the board is true at now."""
        kept = self.history[-1:] if self.connected else []
        for subscription in kept:
            subscription.log = [Loaded(time.monotonic(), self.sequence or 0, "subscribed")]
        self.history = kept

    # Coming and going

    def _live(self) -> None:
        while not self._over:
            if not self.wanted.wait(_LOOK):
                continue
            stay = self._rng.uniform(1.5, 5.0) if self.visitor else float("inf")
            try:
                self._visit(time.monotonic() + stay)
            except (OSError, ValueError, KeyError, websocket.WebSocketException, Ended):
                self._relay = (self._relay + 1) % len(self._relays)  # as behind a load balancer
            finally:
                self.connected = False
                if self.history and not self.history[-1].ended:
                    self.history[-1].ended = time.monotonic()
            self._pause(self._rng.uniform(0.3, 1.5) if self.visitor else RECONNECT)

    def _pause(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self._over and time.monotonic() < deadline:
            time.sleep(0.05)

    def _visit(self, until: float) -> None:
        self._at = self._relay
        url = f"ws://127.0.0.1:{self._relays[self._at]}/app/{self._key}?protocol=7&client=faults&version=1"
        socket = websocket.create_connection(url, timeout=_TIMEOUT)
        try:
            self._subscribe(socket)
            socket.settimeout(_LOOK)
            while not self._over and self.wanted.is_set() and self._at == self._relay and time.monotonic() < until:
                with suppress(websocket.WebSocketTimeoutException):
                    self._take(socket, self._receive(socket))
            self.history[-1].left = True
        finally:
            self.connected = False
            with suppress(OSError, websocket.WebSocketException):
                socket.close(timeout=1)

    def _subscribe(self, socket: websocket.WebSocket) -> None:
        greeting = self._receive(socket)
        if greeting["event"] != "pusher:connection_established":
            raise Ended
        socket_id = json.loads(greeting["data"])["socket_id"]
        wish = json.dumps({"socket_id": socket_id, "channel_name": self.channel}).encode()
        signed = self._ask("/broadcasting/auth", wish)
        socket.send(json.dumps({"event": "pusher:subscribe", "data": {"channel": self.channel, **signed}}))
        while True:
            message = self._receive(socket)
            if message["event"] == "pusher_internal:subscription_succeeded":
                break
            if message["event"] == "pusher:ping":
                socket.send('{"event":"pusher:pong","data":{}}')
            elif message["event"].endswith("error"):
                raise Ended
        self.members = set(json.loads(message["data"])["presence"]["ids"])
        self.history.append(Subscription(time.monotonic(), self._at))
        self.connected = True
        self._load("subscribed")

    def _receive(self, socket: websocket.WebSocket) -> dict[str, Any]:
        opcode, content = socket.recv_data()
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            raise Ended
        message: dict[str, Any] = json.loads(content)
        return message

    # The board

    def _take(self, socket: websocket.WebSocket, message: dict[str, Any]) -> None:
        match message["event"]:
            case "pusher:ping":
                socket.send('{"event":"pusher:pong","data":{}}')
            case "opbx:resync":
                self._load("resync")
            case "pusher_internal:subscription_succeeded":
                self.members = set(json.loads(message["data"])["presence"]["ids"])
                self._load("told again")
            case "pusher_internal:member_added":
                self.members.add(json.loads(message["data"])["user_id"])
            case "pusher_internal:member_removed":
                self.members.discard(json.loads(message["data"])["user_id"])
            case "call.initiated" | "call.answered" | "call.ended" as name:
                self._event(name, json.loads(message["data"]))

    def _event(self, name: str, call: dict[str, Any]) -> None:
        at, sequence = time.monotonic(), int(call["sequence"])
        assert self.sequence is not None
        fits = sequence == self.sequence + 1
        self.history[-1].log.append(Shown(at, sequence, name, call["call_id"], fits))
        if fits:
            self.sequence = sequence
            if name == "call.ended":
                self.board.pop(call["call_id"], None)
            else:
                self.board[call["call_id"]] = call["status"]
        elif sequence > self.sequence:
            self._load("gap")

    def _load(self, why: str) -> None:
        """Ask until there is an answer; events wait in the socket meanwhile, and are judged by the new sequence."""
        self.sequence = None
        while True:
            if self._over:
                raise Ended
            try:
                snapshot = self._ask("/api/v1/calls/active")
                break
            except (OSError, ValueError):
                time.sleep(0.1)
        self.board = {call["call_id"]: call["status"] for call in snapshot["data"]}
        self.sequence = int(snapshot["sequence"])
        self.history[-1].log.append(Loaded(time.monotonic(), self.sequence, why))

    def _ask(self, path: str, body: bytes | None = None) -> dict[str, Any]:
        return ask(self._web, path, body, token=self.login.token)


def ask(port: int, path: str, body: bytes | None = None, *, token: str = "") -> dict[str, Any]:
    """What the web process answers. Raises `OSError` for every other answer than success."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, headers)
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
        content: dict[str, Any] = json.load(answer)
        return content


def log_in(port: int, email: str, password: str) -> Login:
    answer = ask(port, "/api/v1/auth/login", json.dumps({"email": email, "password": password}).encode())
    user = answer["user"]
    return Login(answer["access_token"], user["organization_id"], user["id"])
