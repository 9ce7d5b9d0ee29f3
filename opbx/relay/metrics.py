"""The relay's metrics: once a second the process's tally is written where all relay processes of a server meet."""

from collections import Counter as Count
from typing import NoReturn

import gevent

from opbx.metrics.delivery import DELIVERY
from opbx.metrics.labels import OTHER
from opbx.metrics.registry import INSTRUMENTS, Counter, Gauge
from opbx.pusher.channels import parse_channel
from opbx.relay.node import Node
from opbx.relay.tally import TALLY, Traffic

#: Seconds between two writes, and writes between two walks through all channels.
PERIOD = 1.0
WALK = 5

#: Channels looked at before others get their turn.
_SLICE = 500

#: Close codes that are labels of their own. Clients may send any.
CODES = frozenset({1000, 1001, 1002, 1003, 1006, 1007, 1009, 1011, *range(4000, 4010), 4100, 4200, 4201, 4202})


def _counter(name: str, what: str, *labels: str) -> Counter:
    return Counter(f"opbx_relay_{name}", what, labels, registry=INSTRUMENTS)


def _gauge(name: str, what: str, *labels: str, mode: str = "livesum") -> Gauge:
    return Gauge(f"opbx_relay_{name}", what, labels, registry=INSTRUMENTS, multiprocess_mode=mode)  # type: ignore[arg-type]


CONNECTIONS = _gauge("connections", "Open connections", "app")
OPENED = _counter("connections_opened", "Connections that were admitted", "app")
CLOSED = _counter("connections_closed", "Connections that ended, or were refused, by close code", "app", "code")
MESSAGES_IN = _counter("messages_received", "Messages from clients", "app")
MESSAGES_OUT = _counter("messages_sent", "Messages to clients", "app")
BYTES_IN = _counter("received_bytes", "Bytes from clients", "app")
BYTES_OUT = _counter("sent_bytes", "Bytes to clients", "app")
CHANNELS = _gauge("channels", "Channels that somebody is subscribed to", "app", "kind")
SUBSCRIPTIONS = _gauge("subscriptions", "Subscriptions", "app", "kind")
PRESENT = _gauge("present_users", "Users on presence channels, each once a channel and process", "app")
UNSENT = _gauge("unsent_bytes", "Bytes kept for connections that read slowly")
SLOW = _counter("slow_readers_closed", "Connections closed because they read too slowly")
LIMITED = _counter("limited", "Connections, messages, subscriptions and calls refused by a limit", "limit")
RESYNCS = _counter("resyncs", "Channels told to load anew, since the history no longer reached back far enough")
RECOVERIES = _counter("recoveries", "Times that a channel read from the history what it had missed")
LOSSES = _counter("backplane_losses", "Times that the connection to Redis was lost")
BACKPLANE = _gauge("backplane_connected", "Whether Redis is connected (of several processes: all)", mode="livemin")
WAITING = _gauge("backplane_calls_waiting", "Calls that wait for an answer of Redis")
DRAINING = _gauge("draining", "Whether the relay sends its clients away (of several processes: any)", mode="livemax")
LOOP_LAG = _gauge("loop_lag_seconds", "How late the event loop was within the last second", mode="livemax")
HTTP = _counter("http_calls", "Calls of back ends", "call", "status")


class Metrics:
    """Writes this process's figures."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._told: Count[tuple[str, tuple[str, ...]]] = Count()
        self._delays: list[int] = [0] * len(TALLY.delays.counts)
        self._delay = 0.0
        self._places: set[tuple[str, str]] = set()

    def run(self) -> NoReturn:
        """Write until the process ends."""
        loop = gevent.get_hub().loop
        turn = 0
        while True:
            due = loop.now() + PERIOD
            gevent.sleep(PERIOD)
            LOOP_LAG.set(max(loop.now() - due, 0.0))
            self.write()
            turn += 1
            if turn % WALK == 0:
                self._walk()

    def write(self) -> None:
        """Bring all figures up to now, but for those that need a walk through the channels."""
        node = self._node
        for app, traffic in list(TALLY.traffic.items()):
            self._write_traffic(app, traffic)
        for name, count in list(TALLY.limited.items()):
            self._grow(LIMITED, count, name)
        for (call, status), count in list(TALLY.http.items()):
            self._grow(HTTP, count, call, str(status))
        self._grow(SLOW, TALLY.slow_readers)
        self._grow(RESYNCS, TALLY.resyncs)
        self._grow(RECOVERIES, TALLY.recoveries)
        self._grow(LOSSES, TALLY.backplane_losses)
        BACKPLANE.set(node.feed.connected)
        WAITING.set(node.ledger.waiting)
        DRAINING.set(node.draining)
        self._write_delays()

    def _write_traffic(self, app: str, traffic: Traffic) -> None:
        CONNECTIONS.labels(app).set(traffic.connected)
        self._grow(OPENED, traffic.opened, app)
        self._grow(MESSAGES_IN, traffic.messages_in, app)
        self._grow(MESSAGES_OUT, traffic.messages_out, app)
        self._grow(BYTES_IN, traffic.bytes_in, app)
        self._grow(BYTES_OUT, traffic.bytes_out, app)
        closed: Count[str] = Count()
        for code, count in list(traffic.closed.items()):
            closed[str(code) if code in CODES else OTHER] += count
        for label, count in closed.items():
            self._grow(CLOSED, count, app, label)

    def _write_delays(self) -> None:
        counts, total = list(TALLY.delays.counts), TALLY.delays.total
        new = [now - before for now, before in zip(counts, self._delays, strict=True)]
        DELIVERY.labels("written").add(new, total - self._delay)
        self._delays, self._delay = counts, total

    def _grow(self, counter: Counter, count: int, *labels: str) -> None:
        """Add what has come since the last time."""
        key = (counter._name, labels)
        (counter.labels(*labels) if labels else counter).inc(count - self._told[key])
        self._told[key] = count

    def _walk(self) -> None:
        """Count channels and subscriptions, and what is kept for slow readers; others get their turns in between."""
        channels: Count[tuple[str, str]] = Count()
        subscriptions: Count[tuple[str, str]] = Count()
        present: Count[str] = Count()
        for number, channel in enumerate(list(self._node.channels.values()), start=1):
            name = parse_channel(channel.keys.channel)
            if name is not None and channel.subscribers:
                place = (channel.keys.app_id, name.kind.value)
                channels[place] += 1
                subscriptions[place] += len(channel.subscribers)
                present[channel.keys.app_id] += len({m.user_id for m in channel.subscribers.values() if m is not None})
            if number % _SLICE == 0:
                gevent.sleep(0)
        self._places |= channels.keys()
        for app, kind in self._places:  # those that are empty now are told so
            CHANNELS.labels(app, kind).set(channels[app, kind])
            SUBSCRIPTIONS.labels(app, kind).set(subscriptions[app, kind])
            PRESENT.labels(app).set(present[app])
        UNSENT.set(sum(connection.unsent for connection in list(self._node.connections.values())))
