"""Spans of the web process's requests."""

from collections.abc import Callable, Iterable
from typing import Any

from opbx import tracing


class Traced:
    """WSGI middleware: each request is a span, below that of a caller who sends a `traceparent`."""

    def __init__(self, wsgi: Callable[..., Iterable[bytes]]) -> None:
        self._wsgi = wsgi

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]  # a name with the path would be a new one each
        with tracing.span(method, environ.get("HTTP_TRACEPARENT", ""), **{"url.path": path}) as span:

            def answer(status: str, headers: Any, *error: Any) -> Any:
                span.set_attribute("http.response.status_code", int(status.partition(" ")[0]))
                return start_response(status, headers, *error)

            return self._wsgi(environ, answer)
