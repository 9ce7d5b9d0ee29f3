"""A web server in a thread, which keeps what it was sent and answers as it is told to."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any, Self

import orjson


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def events(self) -> list[dict[str, Any]]:
        return list(orjson.loads(self.body)["events"])


class Receiver:
    """`status` is what it answers, with a body said to have `length` bytes; a `certificate` makes it speak TLS.

    Instead, it may `hang` or `drip` its answer, until it is to `let_go`.
    """

    def __init__(self, certificate: Path | None = None) -> None:
        self.certificate = certificate
        self.status = 200
        self.length = 2
        self.hang = False
        self.drip = False
        self.requests: list[Request] = []
        self._over = Event()
        self._server = _Server(("127.0.0.1", 0), _handler(self._receive, self._answer))
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        scheme = "http" if self.certificate is None else "https"
        return f"{scheme}://127.0.0.1:{self._server.server_port}/hooks"

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for request in self.requests for event in request.events]

    def let_go(self) -> None:
        self._over.set()

    def _receive(self, request: Request) -> None:
        self.requests.append(request)

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        if self.hang:
            self._over.wait()
        if self.drip:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not self._over.wait(0.02):
                handler.wfile.write(b"x")
        handler.send_response(self.status)
        handler.send_header("Location", self.url)
        handler.send_header("Content-Length", str(self.length))
        handler.end_headers()
        handler.wfile.write(b"ok")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.let_go()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is nothing to talk about."""


def _handler(
    receive: Callable[[Request], None], answer: Callable[[BaseHTTPRequestHandler], None]
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receive(Request(self.path, dict(self.headers), body))
            answer(self)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
