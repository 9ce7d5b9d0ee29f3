"""One relay process: its connections, its channels, and what keeps them in step with the backplane.

The pieces run as a handful of greenlets for the whole process; connections have none.
"""

from collections.abc import Callable
from secrets import randbelow, token_hex
from typing import Any

import gevent
import structlog

from opbx.apps import App, Apps
from opbx.backplane.connection import connect
from opbx.backplane.control import CONTROL
from opbx.backplane.feed import Feed
from opbx.backplane.history import read_since, since_call
from opbx.backplane.keys import ChannelKeys, app_keys
from opbx.backplane.presence import enrol_call
from opbx.backplane.records import Batch
from opbx.pusher import messages
from opbx.pusher.errors import AppDisabled, OverCapacity, OverQuota, UnknownApp
from opbx.relay.channel import Channel
from opbx.relay.connection import Connection, State
from opbx.relay.counts import Admission, Occupancy
from opbx.relay.fanout import Fanout
from opbx.relay.grants import ControlChannel, Grants
from opbx.relay.hooks import Hooks
from opbx.relay.ledger import Ledger
from opbx.relay.limits import Addresses
from opbx.relay.tally import TALLY
from opbx.settings import Settings, SettingsError

log = structlog.get_logger()


class Node:
    """The state of this process.

    `name` is what the backplane knows it by; it takes a new one when it was declared dead.
    """

    def __init__(self, settings: Settings, apps: Apps) -> None:
        self.settings = settings.relay
        self.apps = apps
        self.name = token_hex(6)
        self.connections: dict[str, Connection] = {}  # admitted, by socket id
        self.lingering: set[Connection] = set()
        self.channels: dict[str, Channel] = {}  # by topic
        self.draining = False
        self.fanout = Fanout()
        self.feed = Feed(connect(settings.redis_url), self)
        self.ledger = Ledger(connect(settings.redis_url, timeout=2.0))
        self.hooks = Hooks(self.ledger)
        self.grants = Grants()
        self.occupancy = Occupancy(self.ledger, self.hooks, lambda: self.name, self._count)
        self.admission = Admission(self.ledger, lambda: self.name, self._admitted, self._refused)
        self._addresses = Addresses(self.settings.max_connections_per_address)
        self._renamed: list[Callable[[str], None]] = []
        self._lost: list[Callable[[Channel], None]] = []
        self._number = randbelow(10**9) + 1
        self._serial = randbelow(10**6)

    def start(self) -> None:
        control = ControlChannel(CONTROL, self.fanout.schedule, self._recover)
        control.act_on(self.grants)
        self.channels[CONTROL.topic] = control
        self.feed.subscribe(CONTROL.topic)
        for task in (self.feed.listen, self.feed.write, self.ledger.run, self.fanout.run):
            gevent.spawn(task)

    @property
    def ready(self) -> bool:
        """Whether this node can serve newcomers fully."""
        return not self.why_not_ready()

    def why_not_ready(self) -> str:
        """Why it cannot; empty where it can."""
        if self.draining:
            return "The relay is going away."
        return "" if self.feed.connected else "The backplane is away."

    def on_rename(self, hold_again: Callable[[str], None]) -> None:
        """Call `hold_again` with the old name when the node goes on under a new one."""
        self._renamed.append(hold_again)

    def on_lost(self, tell_again: Callable[[Channel], None]) -> None:
        """Call `tell_again` when what the backplane knew of a channel is lost, or older than what this node knows."""
        self._lost.append(tell_again)

    def rename(self) -> None:
        """Hold everything again under a new name: whatever was reaped or flushed under the old one stays so.

        Whoever still had the old hold has two until the old node is reaped, and so never leaves in between. The
        reaper finds what the old name holds by its channels, which may have been forgotten while joins were waiting.
        """
        old, self.name = self.name, token_hex(6)
        log.warning("this node may have been forgotten; everybody joins again", old=old, new=self.name)
        for keys in (*(app_keys(app.id) for app in self.apps), *(channel.keys for channel in self.channels.values())):
            self.ledger.submit(enrol_call(keys, old))
        self.occupancy.restart()
        for channel in self.channels.values():
            app = self.apps.by_id(channel.keys.app_id)
            if app is not None:
                self.occupancy.changed(app, channel.keys)
        self.admission.restart(self.apps.by_id)
        for hold_again in self._renamed:
            hold_again(old)

    # Connections

    def new_socket_id(self) -> str:
        """A socket id that no other node gives out, of the form that server libraries demand."""
        self._serial += 1
        return f"{self._number}.{self._serial}"

    def admit(self, connection: Connection, address: str) -> None:
        """Let the connection in when its app may have one more. Raises `Closing` when that is clear at once."""
        if self.draining:
            raise OverCapacity("The server is going away")  # comes back after a second, and not at once
        if not self._addresses.enter(address):
            TALLY.limited["address"] += 1
            raise OverCapacity("Too many connections from this address")
        connection.address = address
        self.admission.ask(connection, alone=not self.feed.connected)

    def _admitted(self, connection: Connection) -> None:
        self.connections[connection.socket_id] = connection
        traffic = TALLY.traffic[connection.app.id]
        traffic.opened += 1
        traffic.connected += 1
        connection.send_text(messages.connection_established(connection.socket_id, self.settings.activity_timeout))

    def _refused(self, connection: Connection) -> None:
        TALLY.limited["connections"] += 1
        connection.close(OverQuota())

    def dismiss(self, connection: Connection) -> None:
        """The connection takes part no more; it may linger until its peer has closed too."""
        if connection.state is State.CLOSING:
            self.lingering.add(connection)
        if connection.address:
            self._addresses.leave(connection.address)
        self.grants.forget(connection)
        if self.connections.pop(connection.socket_id, None) is not None:
            TALLY.traffic[connection.app.id].connected -= 1
            self.admission.gone(connection.app)

    def reload_apps(self) -> None:
        """Read the apps anew; connections stay, but for those of apps that are gone or disabled."""
        try:
            self.apps.reload()
        except SettingsError as error:
            log.warning("the apps stay as they were", error=str(error))
            return
        for connection in list(self.connections.values()):
            app = self.apps.by_id(connection.app.id)
            if app is None:
                connection.close(UnknownApp())
            elif not app.enabled:
                connection.close(AppDisabled())
            else:
                connection.app = app

    # Channels

    def channel(self, app: App, name: str) -> Channel:
        """The channel, listened to from now on."""
        keys = ChannelKeys(app.id, name)
        channel = self.channels.get(keys.topic)
        if channel is None:
            channel = Channel(keys, self.fanout.schedule, self._recover, self._tell_again)
            self.channels[keys.topic] = channel
            self.feed.subscribe(keys.topic)
        return channel

    def left(self, app: App, channel: Channel) -> None:
        """Somebody has left the channel, or was not let in; one that nobody uses is no longer listened to."""
        self.occupancy.changed(app, channel.keys)
        if channel.unused and self.channels.get(channel.keys.topic) is channel:
            del self.channels[channel.keys.topic]
            self.feed.unsubscribe(channel.keys.topic)

    def _count(self, topic: str) -> int:
        channel = self.channels.get(topic)
        return len(channel.subscribers) + len(channel.pending) if channel else 0

    def _tell_again(self, channel: Channel) -> None:
        for tell_again in self._lost:
            tell_again(channel)

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

        def answered(answer: Any) -> None:
            if answer is not None:
                channel.baseline(read_since(answer))
            channel.live = True
            waiting = list(channel.pending.values())
            for pending in waiting:
                pending.proceed(channel, pending)
            app = self.apps.by_id(channel.keys.app_id)
            greeting = self.occupancy.greeting(app, channel.keys) if app is not None else None
            if greeting is not None:
                for pending in waiting:
                    channel.tell(pending, greeting)

        self.ledger.submit(since_call(channel.keys, "", None), answered)

    def lost(self) -> None:
        TALLY.backplane_losses += 1
        log.warning("backplane lost; connections stay, messages will be recovered")

    def other_server(self) -> None:
        log.warning("the backplane is another server, or has started anew; what it remembers is not relied on")
        for channel in self.channels.values():
            channel.doubt()
