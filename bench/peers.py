"""`peers`: the same fan-out by servers that a user might choose instead, on the same core, in turn.

They come from npm on the first run: `ws`, and `bun` for its built-in uWebSockets.
"""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
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

#: The rates are compared with so many subscribers, in so many turns: one run's p99 is the bad luck of a few messages.
_STEADY_SUBSCRIBERS, _TURNS = SUBSCRIBERS[0], 3

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
        f"The same fan-out by others, each on the same core: {WINDOW} messages in flight or a fixed rate. The goal is "
        f"Bun's rate with messages in flight, and its p99 at a fixed rate ({_TURNS} turns, that of the middle p99)",
        ("subscribers", "load", "server", *COLUMNS, "of Bun's rate", "of Bun's p99", "goal", ""),
    )
    with contenders([]) as field:
        for subscribers in SUBSCRIBERS:
            _compare_saturated(table, field, subscribers)
        _compare_steady(table, field, _STEADY_SUBSCRIBERS)
    table.show()


@contextmanager
def _loaded(contender: Contender, subscribers: int) -> Iterator[Callable[..., Run]]:
    """What measures the contender with so many clients, as `measure` does."""
    progress = Progress()
    with pinned(CORES[-1]):
        child = Child(count, contender.port, [Wish(CHANNEL)] * subscribers, progress)
        try:
            child.receive()
            load = contender.load([CHANNEL], progress)
            yield partial(measure, child, load, contender.pid)
            load.close()
        finally:
            child.stop()


def _compare_saturated(table: Table, field: dict[str, Contender], subscribers: int) -> None:
    runs: dict[str, Run] = {}
    for name, contender in field.items():
        with _loaded(contender, subscribers) as run_once:
            runs[name] = run_once(seconds=_SATURATED)
    _show(table, subscribers, "in flight", runs)


def _compare_steady(table: Table, field: dict[str, Contender], subscribers: int) -> None:
    turns: dict[int, dict[str, list[Run]]] = {rate: {name: [] for name in field} for rate in RATES}
    for _ in range(_TURNS):
        for name, contender in field.items():
            with _loaded(contender, subscribers) as run_once:
                for rate in RATES:
                    turns[rate][name].append(run_once(rate=rate / subscribers, seconds=_STEADY))
    for rate, by_server in turns.items():
        _show(table, subscribers, f"{thousands(rate)}/s", {name: _middle(runs) for name, runs in by_server.items()})


def _middle(runs: list[Run]) -> Run:
    """The run with the middle p99; one in which something is wrong, where there is one."""
    wrong = [run for run in runs if run.faults]
    return (wrong or sorted(runs, key=lambda run: run.counted.latency.p99))[0 if wrong else len(runs) // 2]


def _show(table: Table, subscribers: int, load: str, runs: dict[str, Run]) -> None:
    for name, run in runs.items():
        table.add(thousands(subscribers), load, name, *run.cells(), *_beside(run, runs[BUN], load, name))


def _beside(run: Run, bun: Run, load: str, name: str) -> tuple[str, str, str, str]:
    """The ratio that the goal is about, the goal, and whether it is met."""
    saturated = load == "in flight"
    ratio = run.rate / bun.rate if saturated else run.counted.latency.p99 / bun.counted.latency.p99
    met = ratio >= 1 if saturated else ratio <= 1
    ratios = (f"{ratio:.2f}", "") if saturated else ("", f"{ratio:.2f}")
    if not name.startswith("relay"):
        return *ratios, "", run.faults
    return *ratios, "≥ 1" if saturated else "≤ 1", run.faults or ("met" if met else "missed")
