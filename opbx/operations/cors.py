"""Which other origins' pages may call the API: those of `CORS_ALLOWED_ORIGINS`, with Bearer tokens.

Nothing here lets a browser send a cookie along: the dashboard's session is for pages of this server only. Which
pages may open a WebSocket, the app says (`SOKETI_DEFAULT_APP_ALLOWED_ORIGINS`).
"""

from flask import Flask, Response, request

from opbx.apps import ORIGIN, ORIGIN_RULE
from opbx.settings import Settings, SettingsError

#: Where browsers have business; senders' webhooks are not among it.
_PATHS = ("/api/v1/", "/broadcasting/")

_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, X-Request-Id, X-Requested-With",
    "Access-Control-Max-Age": "600",
}
_EXPOSED = "Content-Disposition, Retry-After, X-Request-Id"


def register(app: Flask, settings: Settings) -> None:
    """Answer the pages of the allowed origins so that their browsers let them read it. Raises `SettingsError`."""
    allowed = frozenset(settings.cors_allowed_origins)
    for origin in allowed:
        if not ORIGIN.match(origin):
            raise SettingsError(f"CORS_ALLOWED_ORIGINS: {origin}: {ORIGIN_RULE}")
    if not allowed:
        return

    @app.after_request
    def share(answer: Response) -> Response:
        if not request.path.startswith(_PATHS):
            return answer
        answer.vary.add("Origin")
        origin = request.headers.get("Origin")
        if origin is None or not allowed & {origin, "*"}:
            return answer
        answer.headers["Access-Control-Allow-Origin"] = origin
        answer.headers["Access-Control-Expose-Headers"] = _EXPOSED
        if request.method == "OPTIONS":
            answer.headers.update(_PREFLIGHT)
        return answer
