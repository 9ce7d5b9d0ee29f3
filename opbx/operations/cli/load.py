"""`opbx load`: calls on a running system and dashboards that watch them, and how long each event takes. Bounded."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import click
import orjson
import requests
from flask.cli import with_appcontext
from requests.adapters import HTTPAdapter
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from opbx.broadcasting.channels import wire_name
from opbx.calls.events import organization_channel
from opbx.extensions import current_settings, db
from opbx.identity import accounts
from opbx.operations import access
from opbx.operations.cli.client import Ended, SocketClient
from opbx.operations.cli.output import as_json, console, document
from opbx.pusher.signatures import subscription_auth
from opbx.settings import Settings

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

#: Dashboards take turns at being these users: a presence channel has a limit of them, and none of connections.
_USERS = 10

#: Seconds in which the relay has to let a dashboard in.
_PATIENCE = 10.0

#: Seconds after the last webhook in which events may still arrive.
_LAST = 5.0


@dataclass
class Outcome:
    """What happened. Times in milliseconds, from just before a webhook is posted to the event at a dashboard."""

    posted: int = 0
    refused: int = 0
    expected: int = 0
    delays: list[float] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        return {
            "webhooks": {"posted": self.posted, "refused": self.refused, **_percentiles(self.answers)},
            "events": {"expected": self.expected, "received": len(self.delays), **_percentiles(self.delays)},
        }


def _percentiles(values: list[float]) -> dict[str, float | None]:
    ordered = sorted(values)

    def at(share: float) -> float | None:
        return round(ordered[min(int(share * len(ordered)), len(ordered) - 1)], 1) if ordered else None

    return {"p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": at(1.0)}


class Dashboard:
    """One subscriber, in a thread of its own. `sent` has the moments at which the calls' webhooks were posted."""

    def __init__(self, settings: Settings, channel: str, number: int, sent: dict[tuple[str, str], float]) -> None:
        app = settings.pusher
        scheme = "wss" if app.scheme == "https" else "ws"
        self._sent = sent
        self.delays: list[float] = []
        self._socket = SocketClient(
            f"{scheme}://{app.host}:{app.port}/app/{app.key}?protocol=7&client=opbx-load", timeout=_PATIENCE
        )
        self._frames = (orjson.loads(text) for text in self._socket.texts())
        established = self._wait("pusher:connection_established")
        socket_id = orjson.loads(established["data"])["socket_id"]
        who = {"user_id": f"load-{number % _USERS}", "user_info": {"name": f"Load {number % _USERS}"}}
        member = orjson.dumps(who).decode()
        auth = subscription_auth(app.key, app.secret, socket_id, channel, member)
        self._send("pusher:subscribe", {"channel": channel, "auth": auth, "channel_data": member})
        self._wait("pusher_internal:subscription_succeeded")
        self._socket.wait_for_ever()
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        self._socket.close()

    def _send(self, event: str, data: dict[str, Any]) -> None:
        self._socket.send(orjson.dumps({"event": event, "data": data}).decode())

    def _wait(self, event: str) -> dict[str, Any]:
        try:
            for frame in self._frames:
                if frame["event"] == event:
                    found: dict[str, Any] = frame
                    return found
                if frame["event"] in {"pusher:subscription_error", "pusher:error"}:
                    raise click.ClickException(f"The relay refuses: {frame['data']}")
        except (Ended, TimeoutError):
            pass
        raise click.ClickException(f"The relay did not send {event}.")

    def _listen(self) -> None:
        try:
            for frame in self._frames:
                now = time.perf_counter()
                if frame["event"].startswith("call."):
                    posted = self._sent.get((orjson.loads(frame["data"])["call_id"], frame["event"]))
                    if posted is not None:
                        self.delays.append((now - posted) * 1000)
                elif frame["event"] == "pusher:ping":
                    self._send("pusher:pong", {})
        except (Ended, OSError):
            return


class Caller:
    """Posts the webhooks of calls: one begins, and a moment later it has ended."""

    def __init__(self, url: str, domain: str, key: str, outcome: Outcome, sent: dict[tuple[str, str], float]) -> None:
        self._url, self._domain, self._outcome, self._sent = url, domain, outcome, sent
        self._http = requests.Session()
        self._http.mount("http", HTTPAdapter(pool_maxsize=64))
        self._http.headers["Authorization"] = f"Bearer {key}"
        self._lock = threading.Lock()

    def call(self) -> None:
        call = {"call_id": f"load-{uuid4().hex}", "from": "+12025550100", "to": "+12025550199", "direction": "inbound"}
        self._post("call.initiated", "call-initiated", call | {"did": call["to"], "status": "initiated"})
        self._post("call.ended", "call-status", call | {"status": "completed", "duration": 1})

    def _post(self, event: str, endpoint: str, body: dict[str, Any]) -> None:
        body |= {"domain": self._domain, "timestamp": int(time.time())}
        posted = self._sent[body["call_id"], event] = time.perf_counter()
        try:
            answer = self._http.post(f"{self._url}/api/webhooks/cloudonix/{endpoint}", json=body, timeout=10)
            taken = answer.status_code == 200
        except requests.RequestException:
            taken = False
        with self._lock:
            self._outcome.posted += 1
            self._outcome.refused += not taken
            self._outcome.answers.append((time.perf_counter() - posted) * 1000)


@click.command("load")
@click.option("--organization", "-o", default="demo", show_default=True, help="Slug or domain.")
@click.option("--key", help="Its sender's Bearer key; by default the demo's.")
@click.option("--url", help="Where to post; by default web on this machine.")
@click.option("--rate", type=click.IntRange(1, 500), default=20, show_default=True, help="Webhooks a second.")
@click.option("--seconds", type=click.IntRange(1, 300), default=10, show_default=True)
@click.option("--dashboards", type=click.IntRange(0, 200), default=10, show_default=True)
@click.option("--allow-remote", is_flag=True, help="Let it load a machine other than this one.")
@as_json
@with_appcontext
def load(
    *, organization: str, key: str | None, url: str | None, rate: int, seconds: int, dashboards: int,
    allow_remote: bool, as_json: bool,
) -> None:  # fmt: skip
    """Post calls at a rate while dashboards watch, and say how long events took. The calls are in the history after."""
    settings = current_settings()
    url = (url or f"http://127.0.0.1:{settings.web_port}").rstrip("/")
    for host in (urlsplit(url).hostname, settings.pusher.host):
        if host not in LOOPBACK and not allow_remote:
            raise click.ClickException(f"{host} is another machine; --allow-remote if that is meant")
    try:
        owner = accounts.find_organization(db.session, organization)
    except accounts.AccountError as error:
        raise click.ClickException(str(error)) from error
    outcome = Outcome()
    sent: dict[tuple[str, str], float] = {}  # when, by call and event
    caller = Caller(url, owner.domain, key or access.read(settings).sender_key, outcome, sent)
    channel = wire_name(organization_channel(owner.id))
    watching = [Dashboard(settings, channel, number, sent) for number in range(dashboards)]
    try:
        _run(caller, rate, seconds, quiet=as_json)
        outcome.expected = (outcome.posted - outcome.refused) * dashboards
        deadline = time.monotonic() + _LAST
        while sum(len(d.delays) for d in watching) < outcome.expected and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        for dashboard in watching:
            dashboard.close()
    outcome.delays = [delay for dashboard in watching for delay in dashboard.delays]
    _tell(outcome, as_json=as_json)


def _run(caller: Caller, rate: int, seconds: int, *, quiet: bool) -> None:
    """Begin a call each two webhooks' time, whether earlier ones are answered or not."""
    calls, pause = max(rate * seconds // 2, 1), 2 / rate
    bar = Progress(
        TextColumn("{task.completed:.0f} of {task.total:.0f} calls"), BarColumn(), TimeRemainingColumn(),
        console=console(), disable=quiet, transient=True,
    )  # fmt: skip
    with bar, ThreadPoolExecutor(64) as pool:
        task = bar.add_task("calls", total=calls)
        begun = time.monotonic()
        for number in range(calls):
            time.sleep(max(begun + number * pause - time.monotonic(), 0.0))
            pool.submit(caller.call)
            bar.advance(task)


def _tell(outcome: Outcome, *, as_json: bool) -> None:
    summary = outcome.summary()
    if as_json:
        document(summary)
        return
    for name, figures in summary.items():
        click.echo(f"{name:<10}" + "  ".join(f"{key}: {value}" for key, value in figures.items()))
