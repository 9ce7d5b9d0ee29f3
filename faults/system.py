"""The product as production runs it, each process supervised: two relays with a proxy to Redis each, two workers."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import redis
from sqlalchemy.orm import Session

from faults.proxy import Proxy
from faults.supervisor import Supervisor
from opbx.database import open_engine, write_transaction
from opbx.identity.sealing import create_seal
from opbx.operations import demo
from opbx.operations.access import Access
from opbx.settings import ROOT, Settings
from tests.postgres import PostgresServer, binaries
from tests.servers import RedisServer, Server, free_port, wait_until

APP_ID, KEY, SECRET = "4711", "faults-key", "faults-secret"
PASSWORD, SENDER_KEY = "password-of-the-fault-bench", "sender-key-of-the-fault-bench"

#: Seconds without news after which a call is ended: shorter than usual, to see it happen.
CALL_TIMEOUT = 60

RELAYS, WORKERS = 2, 2

_BIN = Path(sys.executable).parent


class Receiver:
    """Takes the webhooks that the relays' events cause; slow on order."""

    def __init__(self) -> None:
        self.slow = Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                if receiver.slow.is_set():
                    time.sleep(8)
                with suppress(OSError):
                    self.send_response(200)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/events"
        Thread(target=self._server.serve_forever, name="receiver", daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class System:
    """The running product. Names of processes: web, relay0, relay1, worker0, worker1, beat, redis, postgres."""

    def __init__(self, folder: Path, database: PostgresServer) -> None:
        self.folder = folder
        self.redis = RedisServer(folder)
        self.web_port = free_port()
        self.relay_ports = [free_port() for _ in range(RELAYS)]
        self.proxies = [Proxy(free_port(), self.redis.port) for _ in range(RELAYS)]
        self.receiver = Receiver()
        self.database_url = database.url
        self._env = {
            "OPBX_ENV": "development",
            "LOG_LEVEL": "INFO",
            "DATABASE_URL": database.url,
            "REDIS_URL": self.redis.url,
            "CELERY_BROKER_URL": self.redis.url,
            "WEB_PORT": str(self.web_port),
            "WEB_METRICS_PORT": "0",
            "WORKER_METRICS_PORT": "0",
            "BEAT_METRICS_PORT": "0",
            "PUSHER_APP_ID": APP_ID,
            "PUSHER_APP_KEY": KEY,
            "PUSHER_APP_SECRET": SECRET,
            "PUSHER_HOST": "127.0.0.1",
            "PUSHER_PORT": str(self.relay_ports[0]),
            "SOKETI_DEFAULT_APP_WEBHOOKS": json.dumps([{"url": self.receiver.url}]),
            "LOGIN_RATE_LIMIT": "10000/minute",
            "LOGIN_TOTAL_RATE_LIMIT": "10000/minute",
            "USER_RATE_LIMIT": "100000/minute",
            "ADDRESS_RATE_LIMIT": "100000/minute",
            "CALL_TIMEOUT": str(CALL_TIMEOUT),
            "RINGING_TIMEOUT": str(CALL_TIMEOUT),
            "RELAY_DRAIN": "1",
            "PYTHONPATH": str(ROOT),
            "PATH": f"{_BIN}{os.pathsep}{os.environ['PATH']}",
        }
        relays = [
            self._server(
                f"relay{number}", "gunicorn", "-c", "deploy/gunicorn/relay.py", "wsgi:relay", SOKETI_PORT=str(port),
                SOKETI_METRICS_PORT=str(free_port()), REDIS_URL=f"redis://127.0.0.1:{proxy.port}/0",
            )
            for number, (port, proxy) in enumerate(zip(self.relay_ports, self.proxies, strict=True))
        ]  # fmt: skip
        workers = [
            self._server(f"worker{n}", "celery", "-q", "-A", "workers", "worker", "-n", f"worker{n}@faults")
            for n in range(WORKERS)
        ]
        beat = self._server(
            "beat", "celery", "-q", "-A", "workers", "beat", "-s", str(folder / "beat"), "--pidfile", ""
        )
        web = self._server("web", "gunicorn", "-c", "deploy/gunicorn/web.py", "wsgi:app")
        self._product = [web, *relays, *workers, beat]
        self._stores: list[Server] = [database, self.redis]
        self.processes = Supervisor([*self._stores, *self._product])
        self.domains: list[str] = []

    def _server(self, name: str, command: str, *arguments: str, **env: str) -> Server:
        return Server(name, self.folder, str(_BIN / command), *arguments, env={**self._env, **env})

    def start(self, organizations: int) -> None:
        for server in self._stores:
            self.processes.start(server.name)
        for proxy in self.proxies:
            proxy.start()
        self._seed(organizations)
        for server in self._product:
            self.processes.start(server.name)
        self.processes.begin()
        wait_until(self.ready, timeout=90, what="the system being ready")

    def stop(self) -> None:
        self.processes.end()
        for proxy in self.proxies:
            proxy.stop()
        self.receiver.stop()

    def ready(self) -> bool:
        """Whether web and relays answer that they can serve fully."""
        with suppress(OSError):
            for port, path in ((self.web_port, "/api/v1/health"), *((port, "/ready") for port in self.relay_ports)):
                urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5).close()
            return True
        return False

    def redis_client(self) -> redis.Redis:
        return self.redis.client()

    def _seed(self, organizations: int) -> None:
        subprocess.run(
            [str(_BIN / "flask"), "--app", "wsgi:app", "db", "upgrade"],
            env={**os.environ, **self._env}, cwd=ROOT, capture_output=True, check=True,
        )  # fmt: skip
        engine = open_engine(self.database_url)
        with Session(engine) as session, write_transaction(session):
            seal = create_seal(Settings.from_environment())
            access = Access(password=PASSWORD, sender_key=SENDER_KEY)
            self.domains = [str(one.domain) for one in demo.seed_simulated(session, seal, access, organizations)]
        engine.dispose()


@contextmanager
def running(organizations: int) -> Iterator[System]:
    """Start the product in a folder of its own, and stop it. Raises `RuntimeError` without PostgreSQL."""
    programs = binaries()
    if programs is None:
        raise RuntimeError("PostgreSQL is not installed")
    with ExitStack() as stack:
        folder, home = (Path(tempfile.mkdtemp(prefix=f"opbx-faults-{name}-")) for name in ("run", "postgres"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        system = System(folder, PostgresServer(home, programs, settings=("max_connections=200",)))
        stack.callback(system.stop)
        system.start(organizations)
        yield system
