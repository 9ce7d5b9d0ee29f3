"""What opens the demo: made up once, and kept for the next run. Light, since more than the web process reads it."""

import json
import os
import secrets
from dataclasses import asdict, dataclass

from opbx.settings import VAR, Settings

ACCESS_FILE = VAR / "demo.json"

#: The organizations that `make run` logs in to, by slug.
DEMO_SLUGS = ("demo", "other")


@dataclass(frozen=True, kw_only=True)
class Access:
    """The password of the demo's users, and the key and signing secret of its senders."""

    password: str
    sender_key: str


def read(settings: Settings) -> Access:
    """What the settings say; what they leave open is made up once, and kept for the next run."""
    kept = json.loads(ACCESS_FILE.read_text()) if ACCESS_FILE.exists() else {}
    made_up = Access(
        password=kept.get("password") or secrets.token_urlsafe(9),
        sender_key=kept.get("sender_key") or secrets.token_urlsafe(24),
    )
    if asdict(made_up) != kept and not (settings.demo_password and settings.demo_sender_key):
        _keep(made_up)
    return Access(
        password=settings.demo_password or made_up.password,
        sender_key=settings.demo_sender_key or made_up.sender_key,
    )


def _keep(made_up: Access) -> None:
    ACCESS_FILE.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(ACCESS_FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        json.dump(asdict(made_up), stream)
