"""Listening: one Redis connection that carries the messages of all channels a relay process has subscribers for.

The feed notices when Redis is lost, comes back by itself, subscribes again and says so; what was missed
meanwhile its listener reads from the history. Runs in two threads of control, `listen` and `write` (greenlets
in the relay); `subscribe` and `unsubscribe` only note the wish and never wait.
"""

import time
from collections import Counter, deque
from threading import Event
from typing import Any, Protocol

from redis import Redis
from redis.exceptions import RedisError

from opbx.backplane.connection import identity, open_connection, outdated

#: Seconds between pings on the connection, and of silence after which it is taken for dead.
PING_INTERVAL = 3.0
SILENCE = 10.0

#: Seconds between attempts to reach a Redis that is away.
RECONNECT = 0.25

_TOPICS_A_COMMAND = 500


class Listener(Protocol):
    """Who is told. Called from `listen`, in the order of Redis' stream."""

    def receive(self, topic: str, payload: bytes) -> None:
        """A message of a topic."""

    def live(self, topic: str) -> None:
        """From here on every message of the topic arrives; said again after each loss of Redis."""

    def lost(self) -> None:
        """Redis is away; messages may be missed from here on."""

    def other_server(self) -> None:
        """Redis is back as another server, or the same one started anew: it may know less than was heard of it."""


class Feed:
    """The topics that one process listens to."""

    def __init__(self, redis: Redis, listener: Listener) -> None:
        self._redis = redis
        self._listener = listener
        self._connection: Any = None
        self._topics: set[str] = set()
        self._unanswered: Counter[str] = Counter()  # SUBSCRIBEs sent, not yet confirmed
        self._wishes: deque[tuple[bytes, str]] = deque()
        self._wished = Event()
        self._heard = 0.0
        self._server = ""
        self._compared = 0.0  # when others were last asked whether this is still the right server
        self.connected = False

    def subscribe(self, topic: str) -> None:
        self._topics.add(topic)
        self._wishes.append((b"SUBSCRIBE", topic))
        self._wished.set()

    def unsubscribe(self, topic: str) -> None:
        self._topics.discard(topic)
        self._wishes.append((b"UNSUBSCRIBE", topic))
        self._wished.set()

    def listen(self) -> None:
        """Read until the process ends."""
        while True:
            try:
                self._connect()
                while True:
                    self._take(self._connection.read_response())
            except (RedisError, OSError):
                if self.connected:
                    self.connected = False
                    self._listener.lost()
                self._disconnect()
            time.sleep(RECONNECT)

    def write(self) -> None:
        """Send what was wished for, and pings, until the process ends."""
        while True:
            self._wished.wait(PING_INTERVAL)
            self._wished.clear()
            if not self.connected:
                continue
            try:
                self._send_wishes()
                self._check_life()
            except (RedisError, OSError):
                self._disconnect()  # the reader notices and connects anew

    def _connect(self) -> None:
        connection = open_connection(self._redis)
        self._greet(connection)
        self._wishes.clear()
        self._unanswered.clear()
        self._connection = connection
        self._heard = time.monotonic()
        topics = list(self._topics)
        for start in range(0, len(topics), _TOPICS_A_COMMAND):
            self._command(b"SUBSCRIBE", topics[start : start + _TOPICS_A_COMMAND])
        self.connected = True
        self._wished.set()

    def _greet(self, connection: Any) -> None:
        """Find out whether this is the server of before."""
        server = identity(self._redis, connection)
        if self._server not in ("", server):
            self._listener.other_server()
        self._server = server

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.disconnect()

    def _send_wishes(self) -> None:
        while self._wishes:
            verb, topic = self._wishes.popleft()
            topics = [topic]
            while self._wishes and self._wishes[0][0] == verb and len(topics) < _TOPICS_A_COMMAND:
                topics.append(self._wishes.popleft()[1])
            self._command(verb, topics)

    def _command(self, verb: bytes, topics: list[str]) -> None:
        if verb == b"SUBSCRIBE":
            self._unanswered.update(topics)
        self._connection.send_command(verb, *topics)

    def _check_life(self) -> None:
        silent = time.monotonic() - self._heard
        if silent > SILENCE:
            raise TimeoutError("Redis is silent")
        if silent >= PING_INTERVAL:
            self._connection.send_command("PING", check_health=False)
        if time.monotonic() - self._compared >= PING_INTERVAL:
            self._compared = time.monotonic()
            if self._replaced():
                raise TimeoutError("another server has taken this one's place")

    def _replaced(self) -> bool:
        try:
            return outdated(self._redis, self._connection, self._server)
        except (RedisError, OSError):
            return False  # who would know is away; the connection itself is not

    def _take(self, response: list[Any]) -> None:
        self._heard = time.monotonic()
        match response:
            case [b"message", topic, payload]:
                self._listener.receive(topic.decode(), payload)
            case [b"subscribe", topic, _]:
                name = topic.decode()
                self._unanswered[name] -= 1
                if self._unanswered[name] <= 0:
                    del self._unanswered[name]
                    if name in self._topics:
                        self._listener.live(name)
            case _:  # confirmations of UNSUBSCRIBE, pongs
                pass
