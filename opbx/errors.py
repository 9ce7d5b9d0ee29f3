"""The one error envelope of the HTTP API, `{"error":{"code","message","details","request_id"}}`.

Raise an `ApiError` where a request cannot be served; everything else that escapes a view is turned into
the same form here, and never shows more than the caller may know.
"""

from typing import Any, NoReturn
from uuid import uuid4

import structlog
from flask import Flask, Response, g, jsonify, request
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

log = structlog.get_logger()

#: Seconds after which a sender should try again while the database is away.
DATABASE_RETRY_AFTER = 30


class ApiError(Exception):
    """An answer other than success. `code` is stable and for programs, `message` is for people.

    `retry_after` (seconds) marks the error as transient; without it the same request fails again.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: dict[str, Any] | None = None,
        retry_after: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details or {}
        self.headers = dict(headers or {})
        if retry_after is not None:
            self.headers["Retry-After"] = str(retry_after)

    def response(self) -> Response:
        body = {
            "error": {
                "code": self.code,
                "message": self.message,
                "details": self.details,
                "request_id": g.get("request_id", ""),
            }
        }
        answer = jsonify(body)
        answer.status_code = self.status
        answer.headers.update(self.headers)
        return answer


def refuse(status: int, code: str, message: str, **more: Any) -> NoReturn:
    """Raise the `ApiError`."""
    raise ApiError(status, code, message, **more)


def register_errors(app: Flask) -> None:
    """Give every request an id, and every error of `app` the envelope."""

    @app.before_request
    def identify_request() -> None:
        given = request.headers.get("X-Request-Id", "")
        usable = 0 < len(given) <= 100 and given.isascii() and given.isprintable()
        g.request_id = given if usable else uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def name_request(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.get("request_id", "")
        return response

    @app.errorhandler(ApiError)
    def api_error(error: ApiError) -> Response:
        return error.response()

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response | HTTPException:
        if error.code is None or error.code < 400:
            return error  # a redirect
        if isinstance(error.response, Response):
            return error.response  # it brings its answer along
        return _from_http(error).response()

    @app.errorhandler(PoolTimeout)
    @app.errorhandler(DBAPIError)
    def database_error(error: DBAPIError | PoolTimeout) -> Response:
        transient = isinstance(error, OperationalError | PoolTimeout) or error.connection_invalidated
        if not transient:
            return unexpected(error)
        log.warning("database unavailable", error=str(error.__cause__ or error))
        return ApiError(
            503, "DATABASE_UNAVAILABLE", "The database is away; send the request again.",
            retry_after=DATABASE_RETRY_AFTER,
        ).response()  # fmt: skip

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        log.error("request failed", path=request.path, exc_info=error)
        return ApiError(500, "INTERNAL_ERROR", "Something went wrong here; the request id helps to find it.").response()


def _from_http(error: HTTPException) -> ApiError:
    """The envelope for an HTTP error of Flask, werkzeug or a schema (whose field errors webargs attaches)."""
    status = error.code or 500
    data: dict[str, Any] = getattr(error, "data", None) or {}
    messages: Any = data.get("messages")
    headers = {
        name: value
        for name, value in error.get_headers(request.environ)
        if name in {"Allow", "Retry-After", "WWW-Authenticate"}
    }
    if isinstance(messages, dict):
        # webargs nests by location ("json", "query"): callers know fields, not locations
        fields = {
            field: why for errors in messages.values() if isinstance(errors, dict) for field, why in errors.items()
        }
        return ApiError(status, "VALIDATION_FAILED", "Some fields are not usable.", details=fields, headers=headers)
    code = (error.name or "error").upper().replace(" ", "_").replace("'", "")
    return ApiError(status, code, str(error.description or error.name), headers=headers)
