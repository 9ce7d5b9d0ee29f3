"""What the servers say: database, Redis, broker, and the product's own processes."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import requests
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from celery import Celery
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from opbx.backplane.cluster import as_cluster
from opbx.operations.doctor.finding import Finding, error, warning, well
from opbx.operations.metrics.backlog import oldest_undelivered
from opbx.pusher.signatures import request_signature
from opbx.settings import ROOT, Settings

PATIENCE = 3.0

#: Seconds in which workers answer; all of this is waited for, since nobody knows how many there are.
PING = 1.5

#: Redis from which on the scripts' commands are there.
OLDEST_REDIS = (6, 2)

#: Seconds by which clocks may differ: the stages of a delivery are measured over machines.
SKEW = 1.0

#: Seconds after which an event should long have been delivered.
LATE = 10.0


def database(engine: Engine) -> Iterable[Finding]:
    """Whether it answers, and has all migrations."""
    file = engine.url.database if engine.dialect.name == "sqlite" else None
    if file and not Path(file).exists():  # to look would make one
        yield error("database", f"There is no database at {file}.", "opbx db upgrade")
        return
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
            present = set(MigrationContext.configure(connection).get_current_heads())
            late = oldest_undelivered(connection) if present else None
    except SQLAlchemyError as away:
        yield error(
            "database", f"{engine.url.render_as_string()} does not answer: {_first_line(away)}",
            "Is it running, and is DATABASE_URL right?",
        )  # fmt: skip
        return
    yield well("database", f"{engine.dialect.name} answers.")
    wanted = set(ScriptDirectory(str(ROOT / "migrations")).get_heads())
    if present != wanted:
        there = ", ".join(sorted(present)) or "none"
        yield error(
            "migrations", f"The database is at revision {there}, the program at {', '.join(sorted(wanted))}.",
            "opbx db upgrade",
        )  # fmt: skip
    else:
        yield well("migrations", "The database has all migrations.")
    if late is not None and late > LATE:
        yield error(
            "delivery", f"The oldest undelivered event is {late:.0f} s old.",
            "docs/operations/runbooks.md#events-wait",
        )  # fmt: skip
    else:
        yield well("delivery", "No event waits for long.")


def redis(client: Redis, url: str, clock: Callable[[], float] = time.time) -> Iterable[Finding]:
    """Whether it answers, is new enough, keeps what it is given, and has the same time."""
    try:
        client.ping()
        if as_cluster(client) is not None:
            yield well("redis", "The cluster answers.")
            return
        before = clock()
        seconds, microseconds = client.time()
        skew = seconds + microseconds / 1e6 - (before + clock()) / 2
        info: dict[str, Any] = client.info()
    except (RedisError, OSError) as away:
        yield error(
            "redis", f"Redis does not answer: {_first_line(away)}", f"Is it running, and is REDIS_URL right ({url})?"
        )
        return
    number = tuple(int(part) for part in info["redis_version"].split(".")[:2])
    if number < OLDEST_REDIS:
        yield error("redis", f"Redis is {info['redis_version']}.", "6.2 is the oldest that will do.")
    else:
        yield well("redis", f"Redis {info['redis_version']} answers.")
    policy = info.get("maxmemory_policy", "noeviction")
    if info.get("maxmemory") and policy != "noeviction":
        yield error(
            "eviction", f"Redis throws keys away when its memory is full ({policy}): queue, presence, history.",
            "maxmemory-policy noeviction",
        )  # fmt: skip
    else:
        yield well("eviction", "Redis throws nothing away.")
    if abs(skew) > SKEW:
        yield error(
            "clock", f"This machine's clock is {-skew:+.1f} s off Redis'.", "Run an NTP client on both machines."
        )
    else:
        yield well("clock", "The clocks of this machine and of Redis agree.")


def broker(probe: Callable[[], None], url: str) -> Iterable[Finding]:
    try:
        probe()
    except Exception as away:
        yield error(
            "broker", f"The broker does not answer: {_first_line(away)}", f"Is CELERY_BROKER_URL right ({url})?"
        )
    else:
        yield well("broker", "The broker answers.")


def workers(queue: Celery) -> Iterable[Finding]:
    """Whether any worker listens."""
    try:
        found = [name for answer in queue.control.ping(timeout=PING) or [] for name in answer]
    except Exception as away:
        yield error("workers", f"Workers cannot be asked: {_first_line(away)}", "See the broker.")
        return
    if found:
        yield well("workers", f"{len(found)} worker{'s' if len(found) != 1 else ''}: {', '.join(sorted(found))}.")
    else:
        yield error(
            "workers", "No worker listens: events are stored, and nobody delivers them.", "celery -q -A workers worker"
        )


def web(settings: Settings) -> Iterable[Finding]:
    lost = "without it nobody takes webhooks"
    command = "gunicorn -c deploy/gunicorn/web.py wsgi:app"
    return _process("web", settings.web_host, settings.web_metrics_port, lost, command)


def beat(settings: Settings) -> Iterable[Finding]:
    lost = "without it lost wakes and silent calls stay so"
    return _process("beat", settings.beat_host, settings.beat_metrics_port, lost, "celery -q -A workers beat")


def _process(name: str, host: str, port: int, lost: str, command: str) -> Iterable[Finding]:
    """Whether it answers on its metrics port; 0 is none, and nothing is said."""
    if not port:
        return
    url = f"http://{host}:{port}"
    try:
        answer = requests.get(f"{url}/ready", timeout=PATIENCE)
    except requests.RequestException:
        yield warning(
            name, f"No {name} at {url}: {lost}.", f"{command}; where it is elsewhere, {name.upper()}_HOST says where."
        )
    else:
        if answer.ok:
            yield well(name, f"{name.capitalize()} at {url} is ready.")
        else:
            yield warning(name, f"{name.capitalize()} runs, and says: {answer.text.strip()[:200]}", "See its log.")


def relay(settings: Settings) -> Iterable[Finding]:
    """Whether the relay that the backend publishes to is there, and takes the backend's signature."""
    app, path = settings.pusher, f"/apps/{settings.pusher.app_id}/channels"
    query = {"auth_key": app.key, "auth_timestamp": str(int(time.time())), "auth_version": "1.0"}
    query["auth_signature"] = request_signature(app.secret, "GET", path, query)
    try:
        answer = requests.get(f"{app.url}{path}", params=query, timeout=PATIENCE, allow_redirects=False)
    except requests.RequestException as away:
        yield error(
            "relay", f"The relay at {app.url} does not answer: {type(away).__name__}.",
            "Is it running, and are PUSHER_HOST, PUSHER_PORT and PUSHER_SCHEME right?",
        )  # fmt: skip
        return
    if answer.status_code in {401, 403, 404}:
        yield error(
            "relay", f"The relay at {app.url} refuses this backend: {answer.text.strip()[:200]}",
            "PUSHER_APP_ID, PUSHER_APP_KEY and PUSHER_APP_SECRET must be the same for relay, web and workers.",
        )  # fmt: skip
    elif not answer.ok:
        yield error(
            "relay", f"The relay answers with {answer.status_code}.", "docs/operations/runbooks.md#redis-is-away"
        )
    else:
        yield well("relay", f"The relay at {app.url} takes this backend's signature.")


def _first_line(problem: BaseException) -> str:
    return str(problem).strip().partition("\n")[0][:200] or type(problem).__name__
