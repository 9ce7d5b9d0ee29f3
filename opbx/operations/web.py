"""The web application: configuration, extensions, blueprints and headers put together."""

from importlib import import_module
from importlib.util import find_spec

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from opbx.api import OrjsonProvider
from opbx.database import engine_options, mind_sqlite
from opbx.errors import register_errors
from opbx.extensions import db, limiter, migrate
from opbx.operations import logs
from opbx.operations.openapi import EnvelopeApi
from opbx.settings import ROOT, Settings

FEATURES = ("opbx.identity.views", "opbx.calls.views", "opbx.broadcasting.views", "opbx.telephony.views")


def build(settings: Settings) -> Flask:
    """A web application of its own for these settings."""
    logs.configure(settings)
    app = Flask("opbx", static_folder=None)
    app.json = OrjsonProvider(app)
    app.config.from_mapping(configuration(settings))
    register_errors(app)
    _extend(app)
    api = EnvelopeApi(app)
    for feature in FEATURES:
        if find_spec(feature):
            api.register_blueprint(import_module(feature).blueprint)
    if settings.trusted_proxies:
        trust = settings.trusted_proxies
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=trust, x_proto=trust, x_host=trust, x_port=trust
        )
    return app


def configuration(settings: Settings) -> dict[str, object]:
    """What Flask and its extensions read from `app.config`."""
    return {
        "OPBX": settings,
        "TESTING": settings.environment == "test",
        "MAX_CONTENT_LENGTH": settings.webhook_max_body,
        "SQLALCHEMY_DATABASE_URI": settings.database_url,
        "SQLALCHEMY_ENGINE_OPTIONS": engine_options(settings.database_url),
        "RATELIMIT_STORAGE_URI": "memory://" if settings.environment == "test" else settings.redis_url,
        "RATELIMIT_STORAGE_OPTIONS": {}
        if settings.environment == "test"
        else {"socket_connect_timeout": settings.redis_timeout, "socket_timeout": settings.redis_timeout},
        "RATELIMIT_STRATEGY": "moving-window",
        "RATELIMIT_KEY_PREFIX": "opbx",
        "RATELIMIT_HEADERS_ENABLED": True,
        "RATELIMIT_IN_MEMORY_FALLBACK_ENABLED": True,  # without Redis, each process counts by itself
        "API_TITLE": "OPBX real-time",
        "API_VERSION": "1",
        "OPENAPI_VERSION": "3.0.3",
        "OPENAPI_URL_PREFIX": "/api/v1",
        "PROPAGATE_EXCEPTIONS": False,
    }


def _extend(app: Flask) -> None:
    db.init_app(app)
    migrate.init_app(app, db, directory=str(ROOT / "migrations"), compare_type=True)
    limiter.init_app(app)
    with app.app_context():
        mind_sqlite(db.engine)
