"""What happens by the clock: silent connections end, this node's lease is renewed, dead nodes are reaped, and
in the end everybody is sent away gently."""

import time
from typing import NoReturn

import gevent
import structlog
from redis import Redis
from redis.exceptions import RedisError

from opbx.backplane import leases
from opbx.backplane.connection import connect
from opbx.backplane.keys import ChannelKeys
from opbx.pusher import messages
from opbx.pusher.errors import PongTimeout, ReconnectNow
from opbx.relay.connection import Connection
from opbx.relay.node import Node

log = structlog.get_logger()

#: Seconds between renewals of the node's lease.
RENEW = 1.0

#: Connections looked at before others get their turn.
_SLICE = 500

#: Seconds for farewells and last reports to get out at the very end.
_FLUSH = 3.0


class Lifecycle:
    """The clockwork of a node."""

    def __init__(self, node: Node, redis_url: str) -> None:
        self._node = node
        self._redis: Redis = connect(redis_url, timeout=1.0)

    def start(self) -> None:
        gevent.spawn(self._tick)
        gevent.spawn(self._live)

    def _tick(self) -> NoReturn:
        """Once a second: silent connections are pinged and then closed, lingering ones given up, tokens expired,
        newcomers not left waiting."""
        while True:
            gevent.sleep(1.0)
            try:
                self._look_after_connections()
                self._node.grants.expire()
                self._node.admission.hurry()
            except Exception:
                log.exception("a tick failed")

    def _look_after_connections(self) -> None:
        now = time.monotonic()
        for number, connection in enumerate(list(self._node.connections.values()), start=1):
            self._check(connection, now)
            if number % _SLICE == 0:
                gevent.sleep(0)
        for connection in [c for c in self._node.lingering if c.deadline < now]:
            connection.lose()

    def _check(self, connection: Connection, now: float) -> None:
        if not connection.is_open:
            return
        connection.refill()
        settings = self._node.settings
        silent = now - connection.seen
        if not connection.pinged and silent >= settings.activity_timeout:
            connection.pinged = True
            connection.send_text(messages.PING)
        elif connection.pinged and silent >= settings.activity_timeout + settings.pong_timeout:
            connection.close(PongTimeout())

    def _live(self) -> NoReturn:
        """Renew this node's lease, reap dead ones, and go on under a new name when this one may have been forgotten."""
        server, away = "", False
        while True:
            try:
                state = leases.renew(self._redis, self._node.name)
                if server and not (state.alive and state.server == server):
                    self._node.rename()
                    leases.renew(self._redis, self._node.name)
                server = state.server
                away = False
                for name in state.dead:
                    leases.reap(self._redis, name, self._told)
                    log.info("dead node reaped", node=name)
            except (RedisError, OSError) as error:
                if not away:  # once an outage
                    log.warning("lease not renewed", error=str(error))
                away = True
            except Exception:
                log.exception("a renewal failed")
            gevent.sleep(RENEW)

    def _told(self, event: str, keys: ChannelKeys, user_id: str) -> None:
        app = self._node.apps.by_id(keys.app_id)
        if app is not None:
            self._node.hooks.tell(app, event, keys.channel, **({"user_id": user_id} if user_id else {}))

    def drain(self) -> None:
        """Close all connections with 4200, spread over the drain time, since clients come back at once; then flush."""
        node = self._node
        node.draining = True
        connections = list(node.connections.values())
        started, pause = time.monotonic(), node.settings.drain / max(len(connections), 1)
        for number, connection in enumerate(connections):
            gevent.sleep(max(0.0, started + number * pause - time.monotonic()))
            connection.close(ReconnectNow())
        deadline = time.monotonic() + _FLUSH
        while (node.ledger.waiting or node.lingering) and time.monotonic() < deadline:
            gevent.sleep(0.05)
        try:
            leases.end(self._redis, node.name)
        except (RedisError, OSError) as error:
            log.warning("lease not ended", error=str(error))
