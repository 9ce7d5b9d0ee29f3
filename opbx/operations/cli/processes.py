"""`opbx status`: processes, lag, connections and presence on one screen."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import click
import requests
from celery import Celery
from redis import Redis
from rich.table import Table
from sqlalchemy import Engine, select

from opbx.apps import Apps
from opbx.backplane import leases, occupancy, woken
from opbx.backplane.connection import connect
from opbx.backplane.keys import connections
from opbx.broadcasting.channels import wire_name
from opbx.calls.events import organization_channel
from opbx.database import open_engine, reading
from opbx.identity.models import Organization
from opbx.operations.cli.output import as_json, console, document
from opbx.operations.metrics import backlog
from opbx.queue import create_queue
from opbx.settings import Settings

#: Seconds that each of what is asked has to answer.
PATIENCE = 3.0

#: Organizations whose presence is shown, those with the most people first.
_SHOWN = 15


@click.command("status")
@as_json
def status(*, as_json: bool) -> None:
    """Show processes, lag, connections and presence."""
    found = gather(Settings.from_environment())
    if as_json:
        document(found)
    else:
        _show(found)


def gather(settings: Settings) -> dict[str, Any]:
    """Each part, or `{"away": why}` where what it asks does not answer."""
    engine, redis = open_engine(settings.database_url), connect(settings.redis_url, timeout=PATIENCE)
    queue, apps = create_queue(settings), Apps.from_settings(settings)
    parts: dict[str, Callable[[], Any]] = {
        "web": lambda: _says(f"http://{settings.web_host}:{settings.web_metrics_port}/ready"),
        "beat": lambda: _says(f"http://{settings.beat_host}:{settings.beat_metrics_port}/ready"),
        "workers": lambda: _workers(queue),
        "queues": lambda: backlog.queue_depths(queue),
        "woken": lambda: woken.waiting(redis),
        "outbox": lambda: _outbox(engine),
        "relays": lambda: _relays(redis, apps),
        "presence": lambda: _presence(engine, redis, settings.pusher.app_id),
    }
    with ThreadPoolExecutor(len(parts)) as pool:
        asked = {name: pool.submit(part) for name, part in parts.items()}
        found = {}
        for name, future in asked.items():
            error = future.exception()
            found[name] = {"away": str(error).partition("\n")[0]} if error else future.result()
    engine.dispose()
    return found


def _says(url: str) -> str:
    return requests.get(url, timeout=PATIENCE).text


def _workers(queue: Celery) -> list[str]:
    return sorted(name for answer in queue.control.ping(timeout=1.0) or [] for name in answer)


def _outbox(engine: Engine) -> dict[str, float]:
    return {
        family.name.removeprefix("opbx_").removeprefix("outbox_"): family.samples[0].value
        for family in backlog.database(engine)()
    }


def _relays(redis: Redis, apps: Apps) -> dict[str, Any]:
    """How many processes live, and the connections of each by app."""
    held: dict[str, dict[str, int]] = {}
    for app in apps:
        counts: Any = redis.hgetall(connections(app.id))
        held[app.id] = {node.decode(): int(count) for node, count in counts.items()}
    return {"alive": leases.alive(redis), "connections": held}


def _presence(engine: Engine, redis: Redis, app_id: str) -> dict[str, dict[str, int]]:
    """Users and connections on each organization's channel, of those that have any."""
    with reading(engine) as connection:
        rows = connection.execute(select(Organization.id, Organization.slug)).all()
    slugs = {wire_name(organization_channel(row.id)): row.slug for row in rows}
    live = [name for name in occupancy.channels(redis, app_id, "presence-presence.org.") if name in slugs]
    states = occupancy.states(redis, app_id, live)
    ordered = sorted(live, key=lambda name: -states[name].members)
    return {slugs[name]: {"users": states[name].members, "connections": states[name].subscribers} for name in ordered}


def _show(found: dict[str, Any]) -> None:
    out = console()
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for name, value in found.items():
        if isinstance(value, dict) and "away" in value:
            table.add_row(f"[bold]{name}[/]", f"[red]away[/]: {value['away']}")
        else:
            table.add_row(f"[bold]{name}[/]", _LINES[name](value))
    out.print(table)


def _relay_line(found: dict[str, Any]) -> str:
    held: dict[str, dict[str, int]] = found["connections"]
    total = sum(sum(counts.values()) for counts in held.values())
    by_app = ", ".join(f"{app}: {sum(counts.values())}" for app, counts in held.items())
    return f"{found['alive'] or '[red]none[/]'} alive; {total} connections ({by_app})"


def _presence_line(present: dict[str, dict[str, int]]) -> str:
    shown = [f"{slug}: {n['users']} on {n['connections']}" for slug, n in list(present.items())[:_SHOWN]]
    more = [f"and {len(present) - _SHOWN} more"] if len(present) > _SHOWN else []
    return ", ".join([*shown, *more]) or "nobody"


_LINES: dict[str, Callable[[Any], str]] = {
    "web": str,
    "beat": str,
    "workers": lambda names: ", ".join(names) or "[red]none[/]",
    "queues": lambda depths: ", ".join(f"{name}: {depth}" for name, depth in depths.items()),
    "woken": lambda channels: f"{channels} channels wait for a worker",
    "outbox": lambda box: (
        f"{box['pending_events']:.0f} events wait on {box['pending_channels']:.0f} channels, the oldest for "
        f"{box['oldest_seconds']:.1f} s; {box['failed_events']:.0f} failed; {box['calls_active']:.0f} calls under way"
    ),
    "relays": _relay_line,
    "presence": _presence_line,
}
