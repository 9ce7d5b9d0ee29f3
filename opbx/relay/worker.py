"""gunicorn's gevent worker, with a short way for plain requests.

What a connection has to say is looked at without taking it. A plain request is taken and answered here: one read, one
write. Anything else stays where it is, and the connection is gunicorn's from then on. Neither way waits for more of
a request than `unfinished.py` allows.
"""

import errno
import io
import time
from email.utils import formatdate
from socket import MSG_PEEK
from typing import Any
from urllib.parse import unquote_to_bytes

import gevent
from gunicorn import util
from gunicorn.http.wsgi import base_environ
from gunicorn.workers.ggevent import GeventWorker

from opbx.relay.plain import MAX_BODY, MAX_HEAD, Head, read_head
from opbx.relay.unfinished import Unfinished
from opbx.relay.upgrade import Taken

_GONE = frozenset({errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN, errno.EBADF})
_NO_BODY = ("204", "304")


class Worker(GeventWorker):  # type: ignore[misc]
    """What `worker_class` of the relay's gunicorn configuration names."""

    def init_process(self) -> None:
        self._common: dict[str, Any] = {}
        self._date = (0, "")
        self._unfinished = Unfinished()
        super().init_process()

    def load_wsgi(self) -> None:
        from opbx.relay.server import NODE  # noqa: PLC0415 - not before gunicorn has patched what it uses

        super().load_wsgi()
        self._patience: float = self.wsgi.extensions[NODE].settings.request_timeout

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve a connection until it ends, or until it is another's."""
        try:
            if not self._serve(listener, client, addr):
                super().handle(listener, client, addr)
        except TimeoutError:  # idle for as long as a connection may be, or too slow
            pass
        except OSError as error:
            if error.errno not in _GONE:
                self.log.exception("a connection failed")
        except Exception as error:  # of the application; answered with 500
            self.handle_error(None, client, addr, error)
        finally:
            self._unfinished.leave(client)
            util.close(client)

    def timeout_ctx(self) -> Any:
        """What gunicorn waits for a request's head."""
        return gevent.Timeout(self._patience, False)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> None:
        """Serve a request that is gunicorn's, whose body the application reads: it is all counted as waiting."""
        self._unfinished.wait(sock)
        patience = gevent.Timeout(self._patience)
        try:
            with patience, self._unfinished.room(sock, _awaited(req)):
                super().handle_request(listener_name, req, sock, addr)
        except gevent.Timeout as error:
            if error is not patience:
                raise
            raise StopIteration from None  # gunicorn's way to end
        except Taken:
            raise StopIteration from None

    def _serve(self, listener: Any, client: Any, addr: Any) -> bool:
        """Answer plain requests; False when something else comes."""
        self._unfinished.wait(client)
        if self.cfg.is_ssl or self.cfg.accesslog:
            return False
        client.settimeout(self._patience)
        server = listener.getsockname()
        while seen := client.recv(MAX_HEAD * 2, MSG_PEEK):
            head = read_head(seen)
            if head is None:
                return False
            body = self._take(client, head, len(seen))
            self._unfinished.leave(client)
            client.settimeout(self.cfg.keepalive)
            if body is None or not self._answer(client, head, self._environ(head, body, client, addr, server)):
                return True
            self._unfinished.wait(client)
        return True

    def _take(self, client: Any, head: Head, seen: int) -> bytes | None:
        """Take the request from the socket; its body, or None when the client went before all of it was there."""
        size = head.size + head.length
        if seen >= size:
            data = _read(client, size)
        else:
            with gevent.Timeout(self._patience, TimeoutError), self._unfinished.room(client, size):
                data = _read(client, size)
        return None if data is None else data[head.size :]

    def _environ(self, head: Head, body: bytes, client: Any, addr: Any, server: Any) -> dict[str, Any]:
        """As gunicorn makes it (PEP 3333)."""
        if not self._common:
            self._common = {**base_environ(self.cfg), "wsgi.multithread": True, "wsgi.url_scheme": "http"}
        path, _, query = head.target.partition("?")
        environ = {
            **self._common,
            "wsgi.input": io.BytesIO(body),
            "gunicorn.socket": client,
            "REQUEST_METHOD": head.method,
            "RAW_URI": head.target,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1") if "%" in path else path,
            "QUERY_STRING": query,
            "SERVER_PROTOCOL": "HTTP/1.1",
            "SERVER_NAME": server[0],
            "SERVER_PORT": str(server[1]),
            "REMOTE_ADDR": addr[0],
            "REMOTE_PORT": str(addr[1]),
        }
        for name, value in head.headers.items():
            key = name.replace("-", "_")
            environ[key if name in {"CONTENT-TYPE", "CONTENT-LENGTH"} else f"HTTP_{key}"] = value
        return environ

    def _answer(self, client: Any, head: Head, environ: dict[str, Any]) -> bool:
        """Have the application answer; whether the connection goes on."""
        started: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], _exc_info: Any = None) -> None:
            started[:] = [status, headers]

        try:
            parts = self.wsgi(environ, start_response)
        except Taken:
            return False
        try:
            body = b"".join(parts)
        finally:
            if hasattr(parts, "close"):
                parts.close()
        status, headers = started
        goes_on = self.alive and not head.closes
        own = {"Date": self._now(), "Connection": "keep-alive" if goes_on else "close"}
        if not status.startswith(_NO_BODY):
            own["Content-Length"] = str(len(body))
        lines = [f"{name}: {value}\r\n" for name, value in own.items()]
        lines += [f"{name}: {value}\r\n" for name, value in headers if name.title() not in own]
        client.sendall(f"HTTP/1.1 {status}\r\n{''.join(lines)}\r\n".encode("latin-1") + body)
        return goes_on

    def _now(self) -> str:
        """The `Date` header, made once a second."""
        now = int(time.time())
        if self._date[0] != now:
            self._date = (now, formatdate(now, usegmt=True))
        return self._date[1]


def _read(client: Any, wanted: int) -> bytes | None:
    """So many bytes, or None when the client went before all of them were there."""
    parts = []
    while wanted:
        part = client.recv(wanted)
        if not part:
            return None
        parts.append(part)
        wanted -= len(part)
    return b"".join(parts)


def _awaited(request: Any) -> int:
    """Bytes of body that the application may read of a request of gunicorn's."""
    headers = dict(request.headers)
    if "TRANSFER-ENCODING" in headers:
        return MAX_BODY
    length = headers.get("CONTENT-LENGTH", "0")
    return min(int(length), MAX_BODY) if length.isdigit() else 0
