"""What can be said of the settings alone, and of the machine: nothing here asks a server."""

import re
import resource
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from opbx.apps import Apps
from opbx.identity.sealing import create_seal
from opbx.operations.doctor.finding import Finding, error, warning, well
from opbx.settings import PLACEHOLDER_SECRETS, ROOT, Settings, SettingsError

#: Files that a relay needs besides its connections.
_OTHER_FILES = 200

_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\n]+)", re.MULTILINE)


def secrets(settings: Settings) -> Iterable[Finding]:
    """Secrets that everybody can read in the documentation; in production the processes refuse to start on them."""
    try:
        create_seal(settings)
    except SettingsError as refused:
        yield error("secrets", str(refused), "Set OPBX_SECRET_KEY for all processes.")
        return
    if settings.pusher.secret in PLACEHOLDER_SECRETS:
        yield warning(
            "secrets", "PUSHER_APP_SECRET is a placeholder, which production refuses.",
            "Set it to the output of `openssl rand -hex 32`, for all processes alike.",
        )  # fmt: skip
    else:
        yield well("secrets", "No secret is a placeholder.")


def ports(settings: Settings) -> Iterable[Finding]:
    """Two processes on one machine cannot have the same port."""
    names = {
        "WEB_PORT": settings.web_port,
        "SOKETI_PORT": settings.relay.port,
        "SOKETI_METRICS_PORT": settings.relay.metrics_port,
        "WEB_METRICS_PORT": settings.web_metrics_port,
        "WORKER_METRICS_PORT": settings.worker_metrics_port,
        "BEAT_METRICS_PORT": settings.beat_metrics_port,
        "FLOWER_PORT": settings.flower_port,
    }
    by_port: dict[int, list[str]] = {}
    for name, port in names.items():
        by_port.setdefault(port, []).append(name)
    shared = {port: sharing for port, sharing in by_port.items() if port and len(sharing) > 1}
    for port, sharing in shared.items():
        yield error("ports", f"{' and '.join(sharing)} are both {port}.", "Give each a port of its own.")
    if not shared:
        yield well("ports", "All ports differ.")


def apps(settings: Settings) -> Iterable[Finding]:
    """The Pusher applications, those of `PUSHER_APPS_FILE` among them."""
    try:
        count = sum(1 for _ in Apps.from_settings(settings))
    except SettingsError as unusable:
        yield error("apps", str(unusable), "Mend PUSHER_APPS_FILE; relays read it again on SIGHUP.")
    else:
        yield well("apps", f"{count} Pusher application{'s' if count != 1 else ''}.")


def broadcasting(settings: Settings) -> Iterable[Finding]:
    if settings.broadcast_driver == "pusher":
        yield well("broadcasting", "Events are published to the relays.")
    else:
        yield error(
            "broadcasting", f"BROADCAST_DRIVER is {settings.broadcast_driver}: nothing reaches a dashboard.",
            "Set it to pusher, or remove it.",
        )  # fmt: skip


def production(settings: Settings) -> Iterable[Finding]:
    """What does for a trial, and not for production."""
    if settings.environment != "production":
        yield well("production", f"OPBX_ENV is {settings.environment}.")
        return
    doubts = [
        (settings.database_url.startswith("sqlite"), "The database is SQLite, which has one writer at a time.",
         "Use PostgreSQL: DATABASE_URL=postgresql://…"),
        (settings.public_ws_scheme == "http", "Browsers are told to connect without TLS (VITE_WS_SCHEME=http).",
         "Set VITE_WS_SCHEME=https and VITE_WS_PORT=443: a page served with TLS may not connect without."),
        (not settings.flower_is_closed, "FLOWER_BASIC_AUTH is missing or a placeholder: Flower refuses to start.",
         "Set it to name:password where Flower runs, the password from `openssl rand -hex 16`."),
        (settings.relay.debug, "SOKETI_DEBUG=1 logs every frame.", "Remove it when you have seen enough."),
        (settings.log_level == "DEBUG", "LOG_LEVEL=DEBUG logs whole phone numbers.", "Set LOG_LEVEL=INFO."),
    ]  # fmt: skip
    found = [warning("production", message, remedy) for doubtful, message, remedy in doubts if doubtful]
    yield from found or [well("production", "Nothing of a trial is left.")]


def files(settings: Settings) -> Iterable[Finding]:
    """Each connection is an open file."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = settings.relay.max_connections + _OTHER_FILES
    if most != resource.RLIM_INFINITY and most < needed:
        yield warning(
            "files", f"A process may open {most:,} files; as many connections as are allowed need {needed:,}.",
            "Raise the limit (ulimit -n, LimitNOFILE, ulimits), or lower SOKETI_DEFAULT_APP_MAX_CONNECTIONS.",
        )  # fmt: skip
    else:
        yield well("files", "Enough files may be open for all connections.")


def versions(requirements: Path = ROOT / "requirements.txt") -> Iterable[Finding]:
    """Packages other than those that were tested together."""
    if not requirements.exists():
        yield well("versions", f"Python {sys.version.split()[0]}.")
        return
    others = [
        f"{name} {installed or 'is missing'} (tested: {pinned})"
        for name, pinned in _PIN.findall(requirements.read_text())
        if (installed := _installed(name)) != pinned
    ]
    if others:
        yield warning(
            "versions", f"Packages differ from requirements.txt: {', '.join(others[:5])}{' …' if others[5:] else ''}",
            "make install, or pip install -r requirements.txt",
        )  # fmt: skip
    else:
        yield well("versions", f"Python {sys.version.split()[0]}, and the packages that were tested together.")


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
