"""`peers`: the same fan-out by servers that a user might choose instead, on the same core, in turn.

They come from npm on the first run: `ws`, and `bun` for its built-in uWebSockets.
"""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.counting import Progress, count
from bench.fanout import CHANNEL, COLUMNS, RATES, SUBSCRIBERS, Run, measure
from bench.processes import CORES, Child, pinned
from bench.publishing import WINDOW, Backplane, HttpApi, Load
from bench.report import Table, thousands
from bench.servers import pinned_relay, place, wait_answer
from bench.swarm import Wish
from tests.servers import Server, free_port

_FOLDER = Path(__file__).parent / "peers"

#: Seconds of each measurement.
_SATURATED, _STEADY = 4.0, 3.0

#: The rates are compared with so many subscribers.
_STEADY_SUBSCRIBERS = SUBSCRIBERS[0]

BUN = "Bun (uWebSockets)"

#: Published through its HTTP API.
RELAY = "relay, HTTP API"


@dataclass(frozen=True)
class Contender:
    """A server under load: its port, its pid, and how messages are published."""

    port: int
    pid: int
    load: Callable[[list[str], Progress], Load]


def _by_http(port: int) -> Callable[[list[str], Progress], Load]:
    return lambda channels, progress: HttpApi(channels, progress, port)


def install() -> bool:
    """Whether the peers are there, after installing them where they are not."""
    if (_FOLDER / "node_modules" / ".bin" / "bun").exists():
        return True
    npm = shutil.which("npm")
    if npm is None:
        return False
    quiet = ("--no-audit", "--no-fund", "--loglevel=error")
    return subprocess.run([npm, "install", *quiet], cwd=_FOLDER, check=False).returncode == 0


@contextmanager
def contenders(names: list[str]) -> Iterator[dict[str, Contender]]:
    """The servers that are named, one after the other on the same core, each idle while another is measured."""
    with pinned_relay() as relay, place() as here:
        found = {
            "relay, backplane": Contender(
                relay.port, relay.pid, lambda channels, progress: Backplane(channels, progress, relay.redis)
            ),
            RELAY: Contender(relay.port, relay.pid, _by_http(relay.port)),
        }
        commands = {
            BUN: (str(_FOLDER / "node_modules" / ".bin" / "bun"), "bun.js"),
            "ws (Node)": (shutil.which("node") or "node", "ws.js"),
        }
        servers: list[Server] = []
        try:
            for name, (program, script) in commands.items():
                port = free_port()
                server = Server(script, here.folder, program, str(_FOLDER / script), str(port))
                with pinned(CORES[0]):
                    server.start()
                servers.append(server)
                wait_answer(server, f"http://127.0.0.1:{port}/")
                found[name] = Contender(port, server.pid, _by_http(port))
            yield {name: contender for name, contender in found.items() if name in names or not names}
        finally:
            for server in servers:
                server.stop(timeout=3.0)


def run() -> None:
    """Measure and print."""
    if not install():
        print("\npeers: skipped, since npm is not installed or could not install them")
        return
    table = Table(
        f"The same fan-out by others, each on the same core: {WINDOW} messages in flight or a fixed rate. "
        "The goal is Bun's rate with messages in flight, and its p99 at a fixed rate",
        ("subscribers", "load", "server", *COLUMNS, "of Bun's rate", "of Bun's p99", "goal", ""),
    )
    with contenders([]) as field:
        for subscribers in SUBSCRIBERS:
            _compare(table, field, [Wish(CHANNEL)] * subscribers, [CHANNEL], steady=subscribers == _STEADY_SUBSCRIBERS)
    table.show()


def _compare(
    table: Table, field: dict[str, Contender], wishes: list[Wish], channels: list[str], *, steady: bool
) -> None:
    runs: dict[str, dict[str, Run]] = {}
    for name, contender in field.items():
        progress = Progress()
        with pinned(CORES[-1]):
            child = Child(count, contender.port, wishes, progress)
            try:
                child.receive()
                load = contender.load(channels, progress)
                runs.setdefault("in flight", {})[name] = measure(child, load, contender.pid, seconds=_SATURATED)
                for rate in RATES if steady else ():
                    one = measure(child, load, contender.pid, rate=rate / len(wishes), seconds=_STEADY)
                    runs.setdefault(f"{thousands(rate)}/s", {})[name] = one
                load.close()
            finally:
                child.stop()
    for load_name, by_server in runs.items():
        for name, run in by_server.items():
            table.add(
                thousands(len(wishes)), load_name, name, *run.cells(), *_beside(run, by_server[BUN], load_name, name)
            )


def _beside(run: Run, bun: Run, load: str, name: str) -> tuple[str, str, str, str]:
    """The ratio that the goal is about, the goal, and whether it is met."""
    saturated = load == "in flight"
    ratio = run.rate / bun.rate if saturated else run.counted.latency.p99 / bun.counted.latency.p99
    met = ratio >= 1 if saturated else ratio <= 1
    ratios = (f"{ratio:.2f}", "") if saturated else ("", f"{ratio:.2f}")
    if not name.startswith("relay"):
        return *ratios, "", run.faults
    return *ratios, "≥ 1" if saturated else "≤ 1", run.faults or ("met" if met else "missed")
