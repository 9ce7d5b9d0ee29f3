"""Relay processes on a Redis of their own, and clients of them."""

import json
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pusher
import requests
import websocket

from opbx.pusher.signatures import body_digest, request_signature, subscription_auth
from opbx.settings import ROOT
from tests.lines import Line, LineProcess, node
from tests.servers import RedisServer, Server, free_port, wait_until

APP_ID, KEY, SECRET = "4711", "relay-key", "relay-secret"
#: 32 bytes, for encrypted channels.
ENCRYPTION_KEY = "zyrm8pvV2C9fJcBfhyXzvxbJVN/H7QLmbe0xJi1GhPU="
_BIN = Path(sys.executable).parent


class Relays:
    """So many relays, each a gunicorn of its own. `env` sets more of their environment, `REDIS_URL` too."""

    def __init__(self, folder: Path, count: int, **env: str) -> None:
        self.redis = RedisServer(folder)
        self._own_redis = "REDIS_URL" not in env
        self.ports = [free_port() for _ in range(count)]
        self.metrics_ports = [free_port() for _ in range(count)]
        common = {
            "REDIS_URL": self.redis.url,
            "PUSHER_APP_ID": APP_ID,
            "PUSHER_APP_KEY": KEY,
            "PUSHER_APP_SECRET": SECRET,
            "RELAY_DRAIN": "0.5",
            "PYTHONPATH": str(ROOT),
            **env,
        }
        self.servers = [
            Server(
                f"relay{number}", folder, str(_BIN / "gunicorn"), "-c", "deploy/gunicorn/relay.py", "wsgi:relay",
                env={**common, "SOKETI_PORT": str(port), "SOKETI_METRICS_PORT": str(self.metrics_ports[number])},
            )
            for number, port in enumerate(self.ports)
        ]  # fmt: skip
        self._clients: list[Driver | Socket] = []

    def start(self) -> None:
        if self._own_redis and not self.redis.running:
            self.redis.start()
        for server in self.servers:
            server.start()
        self.wait_ready()

    def wait_ready(self) -> None:
        for number in range(len(self.servers)):
            wait_until(lambda n=number: self.ready(n), timeout=60, what=f"relay {number}")  # type: ignore[misc]

    def ready(self, number: int) -> bool:
        with suppress(requests.RequestException):
            return requests.get(f"http://127.0.0.1:{self.ports[number]}/ready", timeout=5).ok
        return False

    def stop(self) -> None:
        self.close_clients()
        for server in self.servers:
            server.ask_to_stop()
        for server in self.servers:
            server.stop()
        self.redis.kill()

    def close_clients(self) -> None:
        while self._clients:
            self._clients.pop().close()

    def drive(self, number: int = 0, *, key: str = KEY, secret: str = SECRET) -> "Driver":
        """A pusher-js client, connected."""
        driver = Driver(self.ports[number], key, secret)
        self._clients.append(driver)
        return driver

    def socket(
        self, number: int = 0, *, path: str | None = None, key: str = KEY, origin: str | None = None
    ) -> "Socket":
        """A bare WebSocket, for what the libraries never do."""
        path = path if path is not None else f"/app/{key}?protocol=7&client=js&version=8.6.0&flash=false"
        opened = Socket(f"ws://127.0.0.1:{self.ports[number]}{path}", origin)
        self._clients.append(opened)
        return opened

    def library(self, number: int = 0, *, app_id: str = APP_ID, key: str = KEY, secret: str = SECRET) -> pusher.Pusher:
        return pusher.Pusher(
            app_id=app_id, key=key, secret=secret, host="127.0.0.1", port=self.ports[number], ssl=False,
            encryption_master_key_base64=ENCRYPTION_KEY,
        )  # fmt: skip

    def call(
        self, method: str, path: str, body: Any = None, *, number: int = 0, secret: str = SECRET, **query: Any
    ) -> requests.Response:
        """An HTTP API call, signed here; `query` overrides what is signed and sent."""
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        full_path = path if path.startswith("/apps") else f"/apps/{APP_ID}{path}"
        parameters = {"auth_key": KEY, "auth_timestamp": str(int(time.time())), "auth_version": "1.0"}
        parameters |= {"body_md5": body_digest(raw)} if raw else {}
        parameters |= {name: str(value) for name, value in query.items() if value is not None}
        parameters.setdefault("auth_signature", request_signature(secret, method, full_path, parameters))
        url = f"http://127.0.0.1:{self.ports[number]}{full_path}?{urlencode(parameters)}"
        return requests.request(method, url, data=raw or None, headers={"Content-Type": "application/json"}, timeout=10)


class Driver(LineProcess):
    """pusher-js in a Node process."""

    def __init__(self, port: int, key: str, secret: str) -> None:
        options = {"key": key, "secret": secret, "port": port, "encryptionKey": ENCRYPTION_KEY}
        super().__init__(node(), str(ROOT / "tests/clients/drive.mjs"), json.dumps(options))

    def subscribe(self, channel: str, **more: Any) -> None:
        self.order(do="subscribe", channel=channel, **more)

    def join(self, channel: str, user_id: str, **info: Any) -> Line:
        """Subscribe to a presence channel; the confirmation, with all members."""
        self.subscribe(channel, member={"user_id": user_id, "user_info": info})
        return self.event(channel, "pusher:subscription_succeeded")

    def event(self, channel: str, event: str, *, where: Any = None) -> Line:
        """The first such event on the channel; `where` is its data, if that matters."""
        return self.wait(
            lambda line: (
                line["kind"] == "event" and line["channel"] == channel and line["event"] == event
                and (where is None or line["data"] == where)
            ),
            what=f"{event} on {channel}",
        )  # fmt: skip

    def events(self, channel: str) -> list[tuple[str, Any]]:
        """Name and data of all events so far on the channel."""
        return [(line["event"], line["data"]) for line in self.seen("event") if line["channel"] == channel]

    def names(self, channel: str) -> list[str]:
        return [name for name, _ in self.events(channel)]

    def members(self, channel: str) -> set[str]:
        """The members of a presence channel as the library shows them by now."""
        members: set[str] = set()
        for name, data in self.events(channel):
            if name == "pusher:subscription_succeeded":
                members = set(data)
            elif name == "pusher:member_added":
                members.add(data["id"])
            elif name == "pusher:member_removed":
                members.discard(data["id"])
        return members

    def member_events(self, channel: str) -> list[tuple[str, str]]:
        """("added" or "removed", user id) of all comings and goings so far."""
        return [
            (name.rpartition("_")[2], data["id"])
            for name, data in self.events(channel)
            if name in {"pusher:member_added", "pusher:member_removed"}
        ]


class Socket:
    """A bare WebSocket. `established` is the data of the first message, None where the connection was refused."""

    def __init__(self, url: str, origin: str | None) -> None:
        self.ws = websocket.create_connection(url, timeout=10, origin=origin)
        self.established: dict[str, Any] | None = None

    @property
    def tcp(self) -> socket.socket:
        """What lies below the WebSocket."""
        assert self.ws.sock is not None
        return self.ws.sock

    def greet(self) -> "Socket":
        message = self.read()
        assert message["event"] == "pusher:connection_established", message
        self.established = json.loads(message["data"])
        return self

    @property
    def socket_id(self) -> str:
        if self.established is None:
            self.greet()
        assert self.established is not None
        return str(self.established["socket_id"])

    def send(self, event: str, data: Any = None, **more: Any) -> None:
        self.ws.send(json.dumps({"event": event, "data": data, **more}))

    def subscribe(
        self, channel: str, *, member: dict[str, Any] | None = None, key: str = KEY, secret: str = SECRET
    ) -> None:
        data = None if member is None else json.dumps(member)
        auth = subscription_auth(KEY, SECRET, self.socket_id, channel, data)
        self.send("pusher:subscribe", {"channel": channel, "auth": auth, **({"channel_data": data} if data else {})})

    def read(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.ws.recv())
        return message

    def read_event(self, name: str) -> dict[str, Any]:
        """The next message of that event; others are passed over."""
        while (message := self.read())["event"] != name:
            pass
        return message

    def read_close(self) -> tuple[int, str]:
        """Code and reason of the close frame; messages before it are passed over."""
        while True:
            opcode, data = self.ws.recv_data(control_frame=True)
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return int.from_bytes(data[:2]), data[2:].decode()

    def close(self) -> None:
        self.ws.shutdown()  # type: ignore[no-untyped-call]
