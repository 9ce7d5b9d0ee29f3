"""All checks, in the order in which one would look."""

from collections.abc import Iterator
from functools import partial
from urllib.parse import urlsplit

from opbx.backplane.connection import connect
from opbx.database import open_engine
from opbx.operations.doctor import servers
from opbx.operations.doctor import settings as own
from opbx.operations.doctor.finding import Check, Finding, error
from opbx.operations.health import probes
from opbx.queue import create_queue
from opbx.settings import Settings, SettingsError


def examine() -> Iterator[Finding]:
    """Look at everything that the environment's settings name. Never raises."""
    try:
        settings = Settings.from_environment()
    except SettingsError as unusable:
        yield error("settings", str(unusable), "Correct the variable; docs/ and opbx/settings.py say what it takes.")
        return
    for check in _checks(settings):
        try:
            yield from check()
        except Exception as problem:
            yield error(getattr(check, "func", check).__name__, repr(problem)[:300], "This was not expected: a defect.")


def _checks(settings: Settings) -> Iterator[Check]:
    for look in (own.secrets, own.ports, own.apps, own.broadcasting, own.production, own.files):
        yield partial(look, settings)
    yield own.versions
    engine = open_engine(settings.database_url)
    queue = create_queue(settings)
    yield partial(servers.database, engine)
    yield partial(servers.redis, connect(settings.redis_url, timeout=servers.PATIENCE), _shown(settings.redis_url))
    yield partial(servers.broker, probes(settings, engine, queue)["broker"], _shown(settings.broker_url))
    yield partial(servers.workers, queue)
    yield partial(servers.web, settings)
    yield partial(servers.beat, settings)
    yield partial(servers.relay, settings)
    engine.dispose()


def _shown(url: str) -> str:
    """The URL without what opens the server."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
