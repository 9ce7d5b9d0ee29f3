"""The port that Prometheus and load balancers ask: `/metrics`, `/ready`, `/usage`, and nothing else of the product.

Formats of `/ready` and `/usage`: Soketi's, whose monitoring keeps working.
"""

import json
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import structlog

from opbx.metrics.processes import memory_limit, resident
from opbx.metrics.registry import Exposition

log = structlog.get_logger()

#: Why the process cannot do its work now; empty: it can.
Readiness = Callable[[], str]

Wsgi = Callable[..., Iterable[bytes]]

_TEXT = "text/plain; charset=utf-8"


class Endpoint:
    """A WSGI application."""

    def __init__(
        self, exposition: Exposition, ready: Readiness, usage: Callable[[], Mapping[str, Any]] = lambda: {}
    ) -> None:
        self._exposition = exposition
        self._ready = ready
        self._usage = usage
        self._routes = {"/": self.ready, "/ready": self.ready, "/usage": self.usage, "/metrics": self.metrics}

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        serve = self._routes.get(environ["PATH_INFO"])
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            status, kind, body = "405 Method Not Allowed", _TEXT, b""
        elif serve is None:
            status, kind, body = "404 Not Found", _TEXT, b"There are /metrics, /ready and /usage.\n"
        else:
            status, kind, body = serve()
        start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body if environ["REQUEST_METHOD"] != "HEAD" else b""]

    def ready(self) -> tuple[str, str, bytes]:
        why_not = self._ready()
        return ("503 Service Unavailable", _TEXT, why_not.encode()) if why_not else ("200 OK", _TEXT, b"OK")

    def usage(self) -> tuple[str, str, bytes]:
        used, total = resident(os.getpid()), memory_limit()
        memory = {"free": max(total - used, 0), "used": used, "total": total, "percent": 100 * used / total}
        return "200 OK", "application/json", json.dumps({"memory": memory, **self._usage()}).encode()

    def metrics(self) -> tuple[str, str, bytes]:
        return "200 OK", self._exposition.content_type, self._exposition.text()


class ByPort:
    """WSGI middleware: what comes in on `port` is for the endpoint, and nothing else is."""

    def __init__(self, wsgi: Wsgi, port: int, endpoint: Endpoint) -> None:
        self._wsgi = wsgi
        self._port = str(port)
        self._endpoint = endpoint

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        serve = self._endpoint if environ.get("SERVER_PORT") == self._port else self._wsgi
        return serve(environ, start_response)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        TCPServer.server_bind(self)  # HTTPServer's own asks the DNS for this host's name, which may take its time
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]
        self.setup_environ()


class _Silent(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nobody reads of every scrape."""


def serve(endpoint: Endpoint, host: str, port: int) -> None:
    """Serve in a thread of this process, which has no server of its own; port 0: not at all.

    A port that is taken costs the metrics, not the work.
    """
    if port == 0:
        return
    try:
        server = make_server(host, port, endpoint, _Server, handler_class=_Silent)
    except OSError as error:
        log.warning("no metrics: the port is not free", port=port, error=str(error))
        return
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
