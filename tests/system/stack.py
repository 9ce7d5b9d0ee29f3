"""The whole product as real processes: web, two relays, two workers, beat, Redis, and a database."""

import hashlib
import hmac
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pusher
import requests
from sqlalchemy.orm import Session

from opbx.database import open_engine, write_transaction
from opbx.identity import accounts, tokens
from opbx.settings import ROOT
from tests.servers import RedisServer, Server, free_port, wait_until
from tests.system.node import NodeClient

APP_ID, KEY, SECRET = "4711", "stack-key", "stack-secret"
PASSWORD, SENDER_KEY = "demo-password-for-tests", "demo-sender-key-for-tests"
_BIN = Path(sys.executable).parent


class Stack:
    """Starts everything in `folder`, and stops it. Addresses are on loopback, ports free ones."""

    def __init__(self, folder: Path, database_url: str, **env: str) -> None:
        self.folder = folder
        self.database_url = database_url
        self.redis = RedisServer(folder)
        self.web_port = free_port()
        names = ("web", "relay1", "relay2", "worker1", "worker2", "beat")
        self.metrics_ports = {name: free_port() for name in names}
        self.relay_ports = [free_port(), free_port()]
        self.environment = {
            "OPBX_ENV": "development",
            "DATABASE_URL": database_url,
            "REDIS_URL": self.redis.url,
            "CELERY_BROKER_URL": self.redis.url,
            "WEB_PORT": str(self.web_port),
            "PUSHER_APP_ID": APP_ID,
            "PUSHER_APP_KEY": KEY,
            "PUSHER_APP_SECRET": SECRET,
            "PUSHER_HOST": "127.0.0.1",
            "PUSHER_PORT": str(self.relay_ports[0]),
            "VITE_WS_PORT": str(self.relay_ports[0]),
            "DEMO_PASSWORD": PASSWORD,
            "DEMO_SENDER_KEY": SENDER_KEY,
            "RELAY_DRAIN": "1",
            "LOGIN_RATE_LIMIT": "10000/minute",
            "LOGIN_TOTAL_RATE_LIMIT": "10000/minute",
            "WEB_METRICS_PORT": str(self.metrics_ports["web"]),
            "BEAT_METRICS_PORT": str(self.metrics_ports["beat"]),
            "PYTHONPATH": str(ROOT),
            "PATH": f"{_BIN}{os.pathsep}{os.environ['PATH']}",
            **env,
        }
        self.web = self.server("web", "gunicorn", "-c", "deploy/gunicorn/web.py", "wsgi:app")
        self.relays = [
            self.server(f"relay{number}", "gunicorn", "-c", "deploy/gunicorn/relay.py", "wsgi:relay",
                        SOKETI_PORT=str(port), SOKETI_METRICS_PORT=str(self.metrics_ports[f"relay{number}"]))
            for number, port in enumerate(self.relay_ports, start=1)
        ]  # fmt: skip
        self.workers = [
            self.server(f"worker{n}", "celery", "-q", "-A", "workers", "worker", "-n", f"worker{n}@test",
                        WORKER_METRICS_PORT=str(self.metrics_ports[f"worker{n}"]))
            for n in (1, 2)
        ]  # fmt: skip
        self.beat = self.server(
            "beat", "celery", "-q", "-A", "workers", "beat", "-s", str(folder / "beat"), "--pidfile", ""
        )
        self.clients: list[NodeClient] = []

    def server(self, name: str, command: str, *arguments: str, **env: str) -> Server:
        """One more process with the stack's environment; whoever asks for it starts and stops it."""
        return Server(name, self.folder, str(_BIN / command), *arguments, env={**self.environment, **env})

    @property
    def servers(self) -> list[Server]:
        return [self.web, *self.relays, *self.workers, self.beat, self.redis]

    # Starting and stopping

    def start(self) -> None:
        self.redis.start()
        self.flask("db", "upgrade")
        self.flask("seed-demo")
        for server in self.servers:
            if server is not self.redis:
                server.start()
        self.wait_ready()

    def wait_ready(self) -> None:
        wait_until(lambda: self._answers(f"{self.web_url}/api/v1/health"), timeout=60, what=f"web:\n{self.web.tail()}")
        for server, port in zip(self.relays, self.relay_ports, strict=True):
            ready = f"http://127.0.0.1:{port}/ready"
            wait_until(partial(self._answers, ready), timeout=60, what=f"relay:\n{server.tail()}")

    def stop(self) -> None:
        self.close_clients()
        for server in self.servers:
            if server is not self.redis:  # the others need it to say goodbye
                server.ask_to_stop()
        for server in self.servers:
            server.stop()

    def close_clients(self) -> None:
        while self.clients:
            self.clients.pop().close()

    def flask(self, *arguments: str) -> str:
        done = subprocess.run(
            [str(_BIN / "flask"), "--app", "wsgi:app", *arguments],
            env={**os.environ, **self.environment}, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"flask {arguments} failed:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @staticmethod
    def _answers(url: str) -> bool:
        with suppress(requests.RequestException):
            return requests.get(url, timeout=5).ok
        return False

    # Use

    @property
    def web_url(self) -> str:
        return f"http://127.0.0.1:{self.web_port}"

    def login(self, email: str) -> dict[str, Any]:
        answer = requests.post(
            f"{self.web_url}/api/v1/auth/login", json={"email": email, "password": PASSWORD}, timeout=10
        )
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def post(self, path: str, token: str, body: dict[str, Any] | None = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return requests.post(f"{self.web_url}{path}", json=body, headers=headers, timeout=10)

    def get(self, path: str, token: str) -> requests.Response:
        return requests.get(f"{self.web_url}{path}", headers={"Authorization": f"Bearer {token}"}, timeout=10)

    def webhook(self, endpoint: str, body: dict[str, Any], *, signed: bool = False) -> requests.Response:
        """Post as a sender does: with the key, or with a signature over timestamp and body."""
        raw = json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        if signed:
            stamp = str(int(time.time()))
            digest = hmac.new(SENDER_KEY.encode(), stamp.encode() + b"." + raw, hashlib.sha256)
            headers |= {"X-Cloudonix-Timestamp": stamp, "X-Cloudonix-Signature": digest.hexdigest()}
        else:
            headers["Authorization"] = f"Bearer {SENDER_KEY}"
        return requests.post(f"{self.web_url}/api/webhooks/cloudonix/{endpoint}", data=raw, headers=headers, timeout=10)

    def client(
        self, library: str, email: str, channels: Callable[[str], list[str]] | list[str], *, relay: int = 0
    ) -> NodeClient:
        """A logged-in client; `channels` may be made from the organization's id."""
        login = self.login(email)
        names = channels if isinstance(channels, list) else channels(login["user"]["organization_id"])
        return self.connect(library, login["access_token"], names, relay=relay)

    def connect(
        self, library: str, token: str, channels: list[str], *, relay: int = 0, params: dict[str, Any] | None = None,
        **elsewhere: Any,
    ) -> NodeClient:  # fmt: skip
        """A client with this token; `params` are sent along to `/broadcasting/auth`.

        `elsewhere` are options of `NodeClient`, for one that does not come directly.
        """
        direct = {"port": self.relay_ports[relay], "auth_endpoint": f"{self.web_url}/broadcasting/auth"}
        client = NodeClient(library, key=KEY, token=token, channels=channels, params=params, **{**direct, **elsewhere})
        self.clients.append(client)
        return client

    def short_token(self, email: str, *, lifetime: int) -> str:
        """A token of the user that expires in `lifetime` seconds."""
        engine = open_engine(self.database_url)
        with Session(engine) as session, write_transaction(session):
            user = accounts.find_user(session, email)
            plain = tokens.issue(session, user.id, name="short", lifetime=lifetime).plain
        engine.dispose()
        return plain

    def server_library(self, relay: int = 0) -> pusher.Pusher:
        """The `pusher` package, as a back end would use it."""
        return pusher.Pusher(
            app_id=APP_ID, key=KEY, secret=SECRET, host="127.0.0.1", port=self.relay_ports[relay], ssl=False
        )
