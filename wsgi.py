"""What gunicorn and flask serve: `app` (HTTP) and `relay` (WebSocket), each built only when asked for.

The relay's process never imports SQLAlchemy or the web side, and the web process never the relay.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    app: Flask
    relay: Flask


def __getattr__(name: str) -> "Flask":
    if name == "app":
        from opbx import create_app as create
    elif name == "relay":
        from opbx import create_relay as create
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    application = globals()[name] = create()
    return application
