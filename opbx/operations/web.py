"""The web application: configuration, extensions, blueprints and headers put together."""

import time
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, request
from flask_limiter import RequestLimit
from werkzeug.middleware.proxy_fix import ProxyFix

from opbx import tracing
from opbx.administration.views import VIEWS as ADMINISTRATION
from opbx.api import OrjsonProvider, bound_bodies
from opbx.backplane.connection import connect, is_cluster
from opbx.broadcasting import views as broadcasting
from opbx.broadcasting import wakes
from opbx.calls import views as calls
from opbx.database import engine_options, mind
from opbx.dead_letters import views as dead_letters
from opbx.errors import ApiError, register_errors
from opbx.extensions import db, limiter, migrate
from opbx.identity import revocation
from opbx.identity import views as identity
from opbx.identity.sealing import create_seal
from opbx.limits import enforce
from opbx.metrics.endpoint import ByPort, Endpoint
from opbx.metrics.instruments import RATE_LIMITED
from opbx.metrics.processes import Processes, siblings
from opbx.metrics.registry import Exposition
from opbx.operations import cli, cors, dashboard, delivery, headers, health, logs, openapi
from opbx.operations.metrics import requests as request_metrics
from opbx.operations.traces import Traced
from opbx.pipeline import Transactions
from opbx.settings import ROOT, Settings
from opbx.telephony import views as telephony
from opbx.telephony.senders import Senders


def build(settings: Settings) -> Flask:
    """A web application of its own for these settings."""
    logs.configure(settings)
    app = _Synchronous("opbx", static_folder=None)
    app.json = OrjsonProvider(app)
    app.config.from_mapping(configuration(settings))
    register_errors(app)
    tracing.configure(settings, "web")
    bound_bodies(app)
    request_metrics.register(app)
    _limit_addresses(app, settings)
    headers.register(app, settings)
    cors.register(app, settings)
    _extend(app, settings)
    _describe(app)
    dashboard.register(app)
    cli.register(app)
    if settings.trusted_proxies:
        trust = settings.trusted_proxies
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=trust, x_proto=trust, x_host=trust, x_port=trust
        )
    if tracing.is_on():
        app.wsgi_app = Traced(app.wsgi_app)  # type: ignore[method-assign]
    if settings.web_metrics_port:  # the last to wrap: a proxy's headers must not say which port it was
        app.wsgi_app = ByPort(app.wsgi_app, settings.web_metrics_port, _endpoint(app))  # type: ignore[method-assign]
    return app


def _endpoint(app: Flask) -> Endpoint:
    """Ready means able to take webhooks: that needs the database, and nothing else."""
    database: health.Probe = app.extensions["checkup"].probes["database"]
    checkup = health.Checkup({"database": database})

    def why_not() -> str:
        return "" if checkup.run()["database"]["status"] == "ok" else "The database is away."

    return Endpoint(Exposition(Processes(siblings)), why_not)


class _Synchronous(Flask):
    """Has no view and no hook that is a coroutine, and does not look for one at every call of each."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func


def configuration(settings: Settings) -> dict[str, Any]:
    """What Flask and its extensions read from `app.config`."""
    return {
        "OPBX": settings,
        "TESTING": settings.environment == "test",
        "PROPAGATE_EXCEPTIONS": False,
        "MAX_CONTENT_LENGTH": settings.webhook_max_body,
        "SQLALCHEMY_DATABASE_URI": settings.database_url,
        "SQLALCHEMY_ENGINE_OPTIONS": engine_options(settings.database_url),
        **_limits(settings),
        "API_TITLE": "OPBX real-time",
        "API_VERSION": "1",
        "OPENAPI_VERSION": "3.0.3",
        "OPENAPI_URL_PREFIX": "/api/v1",
        "API_SPEC_OPTIONS": {"info": openapi.INFO, "servers": [{"url": "/", "description": "this server"}]},
    }


def _limits(settings: Settings) -> dict[str, Any]:
    if settings.environment == "test":
        storage: dict[str, Any] = {"RATELIMIT_STORAGE_URI": "memory://"}
    else:
        storage = _limits_storage(settings)
    return storage | {
        "RATELIMIT_STRATEGY": "moving-window",
        "RATELIMIT_KEY_PREFIX": "opbx",
        # Only who is refused is told of the limit: the extension's headers would cost every answer a second question
        # to Redis, and its Retry-After would replace that of a 503.
        "RATELIMIT_ON_BREACH_CALLBACK": _too_many,
        "RATELIMIT_IN_MEMORY_FALLBACK_ENABLED": True,  # without Redis, each process counts for itself
    }


def _limits_storage(settings: Settings) -> dict[str, Any]:
    """Where limits are counted: the limiter finds a cluster by itself, else it takes the connections that we make."""
    timeout = settings.redis_timeout
    if is_cluster(settings.redis_url):
        return {
            "RATELIMIT_STORAGE_URI": settings.redis_url,
            "RATELIMIT_STORAGE_OPTIONS": {"socket_connect_timeout": timeout, "socket_timeout": timeout},
        }
    pool = connect(settings.redis_url, timeout=timeout).connection_pool
    return {"RATELIMIT_STORAGE_URI": "redis://", "RATELIMIT_STORAGE_OPTIONS": {"connection_pool": pool}}


def _limit_addresses(app: Flask, settings: Settings) -> None:
    """Webhooks have the limits of their senders: one platform sends for many organizations from one address."""

    @app.before_request
    def limit_address() -> None:
        limited = request.path.startswith(("/api/v1/", "/broadcasting/")) and not request.path.endswith("/health")
        if limited:
            enforce("address", settings.address_rate_limit, request.remote_addr or "unknown")


def _too_many(limit: RequestLimit) -> Response:
    RATE_LIMITED.labels(request.endpoint or "none").inc()
    wait = max(1, int(limit.reset_at - time.time()))  # the extension has rounded up already
    return ApiError(429, "TOO_MANY_REQUESTS", "Too many requests.", retry_after=wait).response()


def _extend(app: Flask, settings: Settings) -> None:
    db.init_app(app)
    migrate.init_app(app, db, directory=str(ROOT / "migrations"))
    _limit_logins(app)
    revocation.init_revocation(app)
    app.extensions["opbx_seal"] = create_seal(settings)
    with app.app_context():
        mind(db.engine)
        app.extensions["opbx_transactions"] = Transactions(db.engine)
        app.extensions["opbx_senders"] = Senders(app.extensions["opbx_transactions"], settings.senders_remembered)
        wakes.init_broadcasting(app)
        app.extensions["checkup"] = health.Checkup(health.probes(settings, db.engine, app.extensions["opbx_queue"]))


def _limit_logins(app: Flask) -> None:
    """Have Flask-Limiter look at requests of the blueprint that uses it, where it would look at every one.

    Its three hooks cost a webhook as much as everything else that Flask does for it.
    """
    hooks: tuple[Any, ...] = (app.before_request_funcs, app.after_request_funcs, app.teardown_request_funcs)
    others = [list(hook[None]) for hook in hooks]
    limiter.init_app(app)
    for hook, before in zip(hooks, others, strict=True):
        hook[identity.blueprint.name] += hook[None][len(before) :]
        hook[None] = before


def _describe(app: Flask) -> None:
    """The documented blueprints, their description, and the page to try it."""
    api = openapi.EnvelopeApi(app)
    openapi.describe(api)
    for feature in (identity, *ADMINISTRATION, telephony, calls, broadcasting, delivery, dead_letters, health):
        api.register_blueprint(feature.blueprint)
    app.register_blueprint(openapi.blueprint)
