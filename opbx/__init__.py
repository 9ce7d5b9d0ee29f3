"""OPBX real-time. Two factories: the web application and the relay."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from opbx.settings import Settings


def create_app(settings: "Settings | None" = None) -> "Flask":
    """The web application: API, webhooks, OpenAPI page, dashboard, CLI."""
    with _uncollected():
        from opbx.operations.web import build
        from opbx.settings import Settings

        return build(settings or Settings.from_environment())


def create_relay(settings: "Settings | None" = None) -> "Flask":
    """The relay: WebSocket and the Pusher HTTP API. Imports neither SQLAlchemy nor the web side."""
    with _uncollected():
        from opbx.relay.server import build
        from opbx.settings import Settings

        return build(settings or Settings.from_environment())


@contextmanager
def _uncollected() -> Iterator[None]:
    """What an application is made of stays: looking through it for garbage takes a fifth of the start."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
