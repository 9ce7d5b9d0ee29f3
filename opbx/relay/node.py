"""One relay process: its connections, its channels, and what keeps them in step with the backplane.

The pieces run as a handful of greenlets for the whole process; connections have none.
"""

import time
from secrets import randbelow, token_hex
from typing import Any, NoReturn

import gevent
import structlog
from redis.exceptions import RedisError

from opbx.apps import App
from opbx.backplane import leases
from opbx.backplane.connection import connect
from opbx.backplane.feed import Feed
from opbx.backplane.history import read_since, since_call
from opbx.backplane.keys import ChannelKeys
from opbx.backplane.presence import enrol_call, join_call
from opbx.backplane.records import Batch
from opbx.pusher import messages
from opbx.pusher.errors import OverQuota, PongTimeout, ReconnectNow
from opbx.relay.channel import Channel
from opbx.relay.connection import Connection, State
from opbx.relay.fanout import Fanout
from opbx.relay.ledger import Ledger
from opbx.settings import Settings

log = structlog.get_logger()

#: Seconds between renewals of the node's lease.
_RENEW = 1.0


class Node:
    """The state of this process.

    `name` is what the backplane knows it by; it takes a new one when it was declared dead.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings.relay
        self.name = token_hex(6)
        self.connections: dict[str, Connection] = {}
        self.lingering: set[Connection] = set()
        self.channels: dict[str, Channel] = {}  # by topic
        self.connected: dict[str, int] = {}  # connections by app id
        self.draining = False
        self.fanout = Fanout()
        self.feed = Feed(connect(settings.redis_url, patient=True), self)
        self.ledger = Ledger(connect(settings.redis_url, timeout=2.0))
        self._redis = connect(settings.redis_url, timeout=1.0)
        self._number = randbelow(10**9) + 1
        self._serial = randbelow(10**6)

    def start(self) -> None:
        for task in (self.feed.listen, self.feed.write, self.ledger.run, self.fanout.run, self._keep_time, self._live):
            gevent.spawn(task)

    @property
    def ready(self) -> bool:
        """Whether this node can serve newcomers fully."""
        return self.feed.connected and not self.draining

    # Connections

    def new_socket_id(self) -> str:
        """A socket id that no other node gives out, of the form that server libraries demand."""
        self._serial += 1
        return f"{self._number}.{self._serial}"

    def admit(self, connection: Connection) -> None:
        """Take the connection in. Raises `Closing` when the app has its fill or this node is leaving."""
        app = connection.app
        if self.draining:
            raise ReconnectNow
        if self.connected.get(app.id, 0) >= app.max_connections:
            raise OverQuota
        self.connected[app.id] = self.connected.get(app.id, 0) + 1
        self.connections[connection.socket_id] = connection
        connection.send_text(messages.connection_established(connection.socket_id, self.settings.activity_timeout))

    def dismiss(self, connection: Connection) -> None:
        """The connection takes part no more; it may linger until its peer has closed too."""
        if connection.state is State.CLOSING:
            self.lingering.add(connection)
        if self.connections.pop(connection.socket_id, None) is not None:
            self.connected[connection.app.id] -= 1

    # Channels

    def channel(self, app: App, name: str) -> Channel:
        """The channel, listened to from now on."""
        keys = ChannelKeys(app.id, name)
        channel = self.channels.get(keys.topic)
        if channel is None:
            channel = self.channels[keys.topic] = Channel(keys, self.fanout.schedule, self._recover)
            self.feed.subscribe(keys.topic)
        return channel

    def forget_unused(self, channel: Channel) -> None:
        if channel.unused and self.channels.get(channel.keys.topic) is channel:
            del self.channels[channel.keys.topic]
            self.feed.unsubscribe(channel.keys.topic)

    def _ask_baseline(self, channel: Channel) -> None:
        def answered(answer: Any) -> None:
            if answer is not None:
                channel.baseline(read_since(answer))

        self.ledger.submit(since_call(channel.keys, "", None), answered)

    def _recover(self, channel: Channel) -> None:
        def answered(answer: Any) -> None:
            if answer is not None:
                channel.recovered(read_since(answer))

        self.ledger.submit(since_call(channel.keys, channel.epoch, channel.offset), answered)

    # What the feed says (backplane.feed.Listener)

    def receive(self, topic: str, payload: bytes) -> None:
        channel = self.channels.get(topic)
        if channel is not None:
            channel.receive(Batch.decode(payload))

    def live(self, topic: str) -> None:
        channel = self.channels.get(topic)
        if channel is None:
            return
        if channel.live:
            channel.recover()  # Redis was lost in between
            return
        channel.live = True
        self._ask_baseline(channel)
        for pending in list(channel.pending.values()):
            pending.proceed(channel, pending)

    def lost(self) -> None:
        log.warning("backplane lost; connections stay, messages will be recovered")

    # Time

    def _keep_time(self) -> NoReturn:
        """Once a second: silent connections are pinged and then closed, lingering ones are given up."""
        while True:
            gevent.sleep(1.0)
            now = time.monotonic()
            for number, connection in enumerate(list(self.connections.values())):
                self._check(connection, now)
                if number % 500 == 499:
                    gevent.sleep(0)
            for connection in [c for c in self.lingering if c.deadline < now]:
                connection.lose()

    def _check(self, connection: Connection, now: float) -> None:
        if connection.state is not State.OPEN:
            return
        connection.refill()
        silent = now - connection.seen
        if not connection.pinged and silent >= self.settings.activity_timeout:
            connection.pinged = True
            connection.send_text(messages.PING)
        elif connection.pinged and silent >= self.settings.activity_timeout + self.settings.pong_timeout:
            connection.close(PongTimeout())

    # Life and death of nodes

    def _live(self) -> NoReturn:
        """Renew this node's lease, reap dead ones, and begin anew when this one was declared dead."""
        started = False
        while True:
            try:
                state = leases.renew(self._redis, self.name)
                if started and not state.alive:
                    self._begin_anew()
                started = True
                for name in state.dead:
                    left = leases.reap(self._redis, name)
                    log.info("dead node reaped", node=name, members_left=left)
            except (RedisError, OSError) as error:
                log.warning("lease not renewed", error=str(error))
            gevent.sleep(_RENEW)

    def _begin_anew(self) -> None:
        """Hold all members again under a new name: whatever was reaped or flushed under the old one stays so.

        Whoever still had the old hold has two until the old node is reaped, and so never leaves in between.
        """
        old, self.name = self.name, token_hex(6)
        log.warning("this node was taken for dead; its members join again", old=old, new=self.name)
        for channel in list(self.channels.values()):
            held = channel.held()
            if held:
                self.ledger.submit(enrol_call(channel.keys, self.name))
            for connection, member in held.items():
                self.ledger.submit(join_call(channel.keys, self.name, connection.socket_id, member, most_members=0))

    # Leaving

    def drain(self) -> None:
        """Close all connections with 4200, spread over the drain time, since clients come back at once; then flush."""
        self.draining = True
        connections = list(self.connections.values())
        pause = self.settings.drain / max(len(connections), 1)
        for connection in connections:
            connection.close(ReconnectNow())
            gevent.sleep(pause)
        deadline = time.monotonic() + 3.0
        while (self.ledger.waiting or self.lingering) and time.monotonic() < deadline:
            gevent.sleep(0.05)
        try:
            leases.end(self._redis, self.name)
        except (RedisError, OSError) as error:
            log.warning("lease not ended", error=str(error))
