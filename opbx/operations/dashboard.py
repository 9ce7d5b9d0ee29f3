"""The dashboard's built files at `/`: its own addresses get the page, an API's unknown address stays an error."""

from mimetypes import guess_type
from pathlib import Path

from flask import Blueprint, Flask, Response, request, send_from_directory
from werkzeug.exceptions import NotFound
from werkzeug.security import safe_join

from opbx.errors import ApiError
from opbx.settings import ROOT

DIST = ROOT / "dashboard" / "dist"

#: First parts of paths that belong to programs.
_RESERVED = frozenset({"api", "assets", "broadcasting"})


def register(app: Flask, dist: Path = DIST) -> None:
    """Serve the files under `dist`; everything else that is unknown and asked for as a page is the page itself."""
    blueprint = Blueprint("dashboard", __name__)

    @blueprint.get("/")
    def index() -> Response:
        return _index(dist)

    @blueprint.get("/assets/<path:name>")
    def asset(name: str) -> Response:
        answer = _packed(dist, name) or send_from_directory(dist / "assets", name)
        # the name contains a hash of the content
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        answer.vary.add("Accept-Encoding")
        return answer

    # A route for all paths would answer 405 where 404 is right, and hide the Allow of true 405s.
    @app.errorhandler(NotFound)
    def page_or_error(_: NotFound) -> Response:
        if not _wants_page():
            return ApiError(404, "NOT_FOUND", "There is nothing here.").response()
        name = request.path.lstrip("/")
        path = safe_join(str(dist), name)
        if path is not None and Path(path).is_file():
            return send_from_directory(dist, name, max_age=3600)
        if path is None or Path(name).suffix:
            return ApiError(404, "NOT_FOUND", "There is no such file.").response()
        return _index(dist)

    app.register_blueprint(blueprint)


def _index(dist: Path) -> Response:
    if not (dist / "index.html").is_file():
        return ApiError(404, "NOT_BUILT", "The dashboard is not built; `make dashboard` does it.").response()
    answer = send_from_directory(dist, "index.html")
    answer.headers["Cache-Control"] = "no-cache"
    return answer


def _packed(dist: Path, name: str) -> Response | None:
    """The file as the build compressed it, where it did and the browser takes it so."""
    path = safe_join(str(dist / "assets"), f"{name}.gz")
    if path is None or not request.accept_encodings["gzip"] or not Path(path).is_file():
        return None
    answer = send_from_directory(dist / "assets", f"{name}.gz", mimetype=guess_type(name)[0])
    answer.content_encoding = "gzip"
    return answer


def _wants_page() -> bool:
    return request.method in {"GET", "HEAD"} and request.path.split("/")[1] not in _RESERVED
