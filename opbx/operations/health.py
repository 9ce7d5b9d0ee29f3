"""Whether this node can do its work: each thing that it leans on is really asked, within a time of its own."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cached_property
from time import monotonic
from typing import Any

import requests
import structlog
from celery import Celery
from flask import Response, current_app, jsonify
from marshmallow import Schema, fields
from sqlalchemy import Engine, text

from opbx.api import Blueprint
from opbx.backplane.connection import connect
from opbx.database import utcnow
from opbx.extensions import current_settings
from opbx.settings import Settings

log = structlog.get_logger()

Probe = Callable[[], None]

#: Seconds that each component has to answer; the probes run side by side.
PATIENCE = 2.0
RELAY_PATIENCE = 1.0

blueprint = Blueprint("health", __name__, url_prefix="/api/v1", description="Is it working?")


class ComponentSchema(Schema):
    status = fields.String(required=True, metadata={"enum": ["ok", "down"]})
    latency_ms = fields.Float(required=True, allow_none=True)


class HealthSchema(Schema):
    status = fields.String(required=True, metadata={"enum": ["ok", "error"]})
    components = fields.Dict(keys=fields.String(), values=fields.Nested(ComponentSchema), required=True)
    timestamp = fields.String(required=True)


class WebSocketHealthSchema(Schema):
    status = fields.String(required=True, metadata={"enum": ["ok", "error"]})
    websocket = fields.String(required=True, metadata={"enum": ["connected", "disconnected"]})
    driver = fields.String(required=True)
    host = fields.String(required=True)
    port = fields.Integer(required=True)
    timestamp = fields.String(required=True)


class WebSocketConfigSchema(Schema):
    key = fields.String(required=True)
    host = fields.String(required=True, metadata={"description": "empty: the host of the page"})
    port = fields.Integer(required=True)
    scheme = fields.String(required=True)


class Checkup:
    """Runs probes side by side; a probe that hangs keeps a thread of the pool, not the caller."""

    def __init__(self, probes: Mapping[str, Probe], patience: float = PATIENCE) -> None:
        self.probes = probes
        self.patience = patience

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        # made at first use: a server forks after the application was built, and threads stay behind
        return ThreadPoolExecutor(max_workers=2 * len(self.probes), thread_name_prefix="health")

    def run(self) -> dict[str, dict[str, Any]]:
        """The state of each component, with its latency in milliseconds where it answered."""
        running = {name: self._pool.submit(_measure, probe) for name, probe in self.probes.items()}
        wait(running.values(), timeout=self.patience)
        return {name: _outcome(name, future) for name, future in running.items()}


def _measure(probe: Probe) -> float:
    start = monotonic()
    probe()
    return (monotonic() - start) * 1000


def _outcome(name: str, future: Future[float]) -> dict[str, Any]:
    if not future.done():
        future.cancel()
        log.warning("health check timed out", component=name)
    elif error := future.exception():
        log.warning("health check failed", component=name, error=str(error))
    else:
        return {"status": "ok", "latency_ms": round(future.result(), 1)}
    return {"status": "down", "latency_ms": None}


def probes(settings: Settings, engine: Engine, queue: Celery) -> dict[str, Probe]:
    """What the web process leans on."""
    redis = connect(settings.redis_url, timeout=PATIENCE / 2)

    def ask_database() -> None:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    def ask_redis() -> None:
        redis.ping()

    def ask_broker() -> None:
        with queue.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=int(PATIENCE), interval_start=0)

    return {"database": ask_database, "redis": ask_redis, "broker": ask_broker}


def relay_is_ready(settings: Settings) -> bool:
    """Whether the relay that this node publishes to takes connections."""
    try:
        return requests.get(f"{settings.pusher.url}/ready", timeout=RELAY_PATIENCE, allow_redirects=False).ok
    except requests.RequestException as error:
        log.warning("relay unreachable", error=str(error))
        return False


@blueprint.route("/health")
@blueprint.response(200, HealthSchema)
@blueprint.alt_response(503, schema=HealthSchema, description="Something that this node leans on does not answer")
def health() -> Response:
    """Ask the database, Redis and the broker."""
    checkup: Checkup = current_app.extensions["checkup"]
    components = checkup.run()
    well = all(component["status"] == "ok" for component in components.values())
    answer = jsonify({"status": "ok" if well else "error", "components": components, "timestamp": utcnow().isoformat()})
    answer.status_code = 200 if well else 503
    return answer


@blueprint.route("/websocket/health")
@blueprint.response(200, WebSocketHealthSchema)
@blueprint.alt_response(503, schema=WebSocketHealthSchema, description="The relay does not answer")
def websocket_health() -> Response:
    """Ask the relay."""
    settings = current_settings()
    ready = relay_is_ready(settings)
    answer = jsonify(
        {
            "status": "ok" if ready else "error",
            "websocket": "connected" if ready else "disconnected",
            "driver": settings.broadcast_driver,
            "host": settings.pusher.host,
            "port": settings.pusher.port,
            "timestamp": utcnow().isoformat(timespec="seconds"),
        }
    )
    answer.status_code = 200 if ready else 503
    return answer


@blueprint.route("/websocket/config")
@blueprint.response(200, WebSocketConfigSchema)
def websocket_config() -> dict[str, Any]:
    """Where browsers find the relay."""
    settings = current_settings()
    return {
        "key": settings.pusher.key,
        "host": settings.public_ws_host,
        "port": settings.public_ws_port,
        "scheme": settings.public_ws_scheme,
    }
