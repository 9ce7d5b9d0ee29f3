"""Security headers of every answer, and what the browser may load and talk to."""

import re

from flask import Flask, Response, request

from opbx.settings import Settings

_HOST = re.compile(r"[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]")


def register(app: Flask, settings: Settings) -> None:
    """Add the headers to what views have not set themselves."""

    @app.after_request
    def secure(answer: Response) -> Response:
        page = answer.mimetype == "text/html"
        defaults = {
            "Content-Security-Policy": page_policy(settings, request.host)
            if page
            else "default-src 'none'; frame-ancestors 'none'",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
        }
        if request.path.startswith(("/api/", "/broadcasting/")):
            defaults["Cache-Control"] = "no-store"
        if request.is_secure:
            defaults["Strict-Transport-Security"] = "max-age=31536000"
        given = {name.lower() for name in answer.headers.keys()}  # noqa: SIM118 - not a mapping
        for name, value in defaults.items():
            if name.lower() not in given:
                answer.headers.add(name, value)
        return answer


def page_policy(settings: Settings, host: str) -> str:
    """The dashboard loads from its own origin and connects to the relay, nowhere else."""
    relay = _relay(settings, host)
    return (
        f"default-src 'self'; connect-src 'self'{relay}; img-src 'self' data:; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def _relay(settings: Settings, host: str) -> str:
    # The Host header is the caller's: only what looks like a host's name goes into the policy.
    name = settings.public_ws_host or re.sub(r":\d+\Z", "", host)
    if not _HOST.fullmatch(name):
        return ""
    return f" ws://{name}:{settings.public_ws_port} wss://{name}:{settings.public_ws_port}"
