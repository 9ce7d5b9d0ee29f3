"""`memory`: what is kept for each member, channel and connection outside the relay: by Redis, and by nginx with TLS."""

import socket
import ssl
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from redis import Redis

from bench.idle import organizations
from bench.processes import resident
from bench.report import Table, thousands
from bench.servers import place, running
from bench.websocket import APP_ID, KEY
from opbx.backplane.keys import ChannelKeys
from opbx.backplane.presence import Member, enrol_call, join_call
from opbx.backplane.publisher import Message, Publisher
from opbx.backplane.scripts import run as call
from tests.servers import RedisServer, free_port
from tests.system.nginx import Nginx, binary

MEMBERS, MEMBERS_OF_A_CHANNEL = 20_000, 20
CHANNELS, MESSAGES, CHARACTERS = 100, 1_000, 200
CONNECTIONS = 2_000

#: Calls in one round trip.
_BATCH = 250


def run() -> None:
    """Measure and print."""
    table = Table("Memory outside the relay")
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(Path(folder))
        server.start()
        try:
            with server.client() as redis:
                table.figure("Redis: a member of a presence channel", f"{_members(redis) / MEMBERS:,.0f} bytes")
                redis.flushall()
                each = _histories(redis) / CHANNELS / 1000
                table.figure(f"Redis: a channel with a history of {thousands(MESSAGES)}", f"{each:,.0f} KB")
        finally:
            server.kill()
    if binary() is not None:
        table.figure("nginx: a WebSocket over TLS", f"{_proxied() / CONNECTIONS / 1000:.1f} KB")
    table.show()


def _used(redis: Redis) -> int:
    return int(redis.info("memory")["used_memory"])


def _members(redis: Redis) -> int:
    before = _used(redis)
    wishes = organizations(MEMBERS, MEMBERS_OF_A_CHANNEL)
    for start in range(0, MEMBERS, _BATCH):
        calls = []
        for number, wish in enumerate(wishes[start : start + _BATCH], start):
            keys = ChannelKeys(APP_ID, wish.channel)
            calls.append(enrol_call(keys, "node"))
            member = Member(f"user-{number}", f'{{"name":"User {number}","role":"pbx_user"}}')
            calls.append(join_call(keys, "node", f"1.{number}", member, most_members=0))
        call(redis, calls)
    redis.delete(*redis.keys("opbx:log:*"))  # the history of joins goes by itself, after ten minutes
    return _used(redis) - before


def _histories(redis: Redis) -> int:
    before = _used(redis)
    publisher = Publisher(redis, APP_ID)
    for channel in range(CHANNELS):
        for start in range(0, MESSAGES, _BATCH):
            text = "x" * CHARACTERS
            publisher.publish(
                f"presence-presence.org.{channel}",
                [Message("call.initiated", text, sequence=start + n + 1) for n in range(_BATCH)],
            )
    return _used(redis) - before


def _proxied() -> int:
    """Bytes by which nginx grows with so many WebSockets that say nothing."""
    with place() as here, ExitStack() as open_sockets:
        relay = here.relay()
        nginx = Nginx(here.folder, here.folder, web=here.web_port, relays=[here.relay_port], flower=free_port())
        with running(here.redis, relay):
            here.wait_relay(relay)
            nginx.start()
            try:
                before = _of(nginx)
                context = nginx.context()
                for _ in range(CONNECTIONS):
                    open_sockets.enter_context(_connect(nginx.port, context))
                time.sleep(1.0)
                return _of(nginx) - before
            finally:
                nginx.stop()


def _of(nginx: Nginx) -> int:
    return sum(resident(pid) for pid in nginx.generation())


def _connect(port: int, context: ssl.SSLContext) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", port), timeout=10)
    secure = context.wrap_socket(plain, server_hostname="localhost")
    secure.sendall(
        f"GET /app/{KEY}?protocol=7 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    answer = secure.recv(4096)
    assert b" 101 " in answer.splitlines()[0], answer
    return secure
