"""Who calls, and what with: signatures verified, bodies and parameters taken apart."""

import time
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import orjson

from opbx.apps import App, Apps
from opbx.backplane.publisher import Message
from opbx.pusher.channels import MAX_EVENT_NAME, parse_channel
from opbx.pusher.signatures import body_digest, holds, matches, request_signature

#: Seconds that a call's timestamp may be off.
CLOCK_SKEW = 600

MAX_BODY = 1_048_576
MAX_CHANNELS = 100
MAX_BATCH = 10

_INFO = frozenset({"user_count", "subscription_count", "cache"})


class Refused(Exception):
    """An answer other than success."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}


@dataclass(frozen=True, slots=True)
class Request:
    """A call as it came: the path as it was decoded and as it was sent, the query decoded, the body whole."""

    method: str
    path: str
    raw_path: str
    query: dict[str, str]
    body: bytes

    @classmethod
    def read(cls, environ: dict[str, Any]) -> "Request":
        """From WSGI. Raises `Refused` for a body that is too large."""
        length = environ.get("CONTENT_LENGTH") or "0"
        if not length.isdigit() or int(length) > MAX_BODY:
            raise Refused(413, f"The body is larger than {MAX_BODY} bytes")
        body = environ["wsgi.input"].read(MAX_BODY + 1 if "HTTP_TRANSFER_ENCODING" in environ else int(length))
        if len(body) > MAX_BODY:
            raise Refused(413, f"The body is larger than {MAX_BODY} bytes")
        path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
        query = _query(environ.get("QUERY_STRING", ""))
        return cls(environ["REQUEST_METHOD"], path, environ.get("RAW_URI", path).partition("?")[0], query, body)


def _query(text: str) -> dict[str, str]:
    if "%" in text or "+" in text:
        return dict(parse_qsl(text, keep_blank_values=True))
    pairs = (pair.partition("=") for pair in text.split("&") if pair)  # nothing to decode: in a third of the time
    return {name: value for name, _, value in pairs}


def authenticate(apps: Apps, request: Request, app_id: str | None) -> App:
    """The app that has signed `request`; where the path names none, by its key. Raises `Refused`."""
    query = request.query
    app = apps.by_key(query.get("auth_key", "")) if app_id is None else apps.by_id(app_id)
    if app is None:
        raise Refused(404, "There is no such app")
    if query.get("auth_key") != app.key:
        raise Refused(401, "auth_key is not the key of this app")
    if query.get("auth_version") != "1.0":
        raise Refused(401, "auth_version must be 1.0")
    stamp = query.get("auth_timestamp", "")
    if not stamp.isascii() or not stamp.isdigit() or abs(int(stamp[:12]) - time.time()) > CLOCK_SKEW:
        raise Refused(401, f"auth_timestamp must be within {CLOCK_SKEW} s of now")
    # Some libraries sign the path with its percent signs, some without.
    paths = (request.path,) if request.path == request.raw_path else (request.path, request.raw_path)
    given = query.get("auth_signature", "")
    signed = (partial(request_signature, method=request.method, path=path, query=query) for path in paths)
    if not any(holds(given, expected, app.secrets) for expected in signed):
        raise Refused(401, "auth_signature is not valid")
    body = request.body
    if (body or "body_md5" in query) and not matches(body_digest(body), query.get("body_md5", "")):
        raise Refused(401, "body_md5 does not match the body")
    if not app.enabled:
        raise Refused(403, "The app is disabled")
    return app


def json_body(request: Request) -> dict[str, Any]:
    """The request's body, a JSON object. Raises `Refused`."""
    try:
        body = orjson.loads(request.body)
    except orjson.JSONDecodeError as error:
        raise Refused(400, "The body is not valid JSON") from error
    if not isinstance(body, dict):
        raise Refused(400, "The body is not a JSON object")
    return body


def read_message(app: App, body: dict[str, Any]) -> Message:
    """The event of a body. Raises `Refused`."""
    name, data, socket_id = body.get("name"), body.get("data"), body.get("socket_id")
    if not isinstance(name, str) or not 0 < len(name) <= MAX_EVENT_NAME:
        raise Refused(400, f"name must be a string of 1 to {MAX_EVENT_NAME} characters")
    if not isinstance(data, str):
        raise Refused(400, "data must be a string (JSON text for structured data)")
    if len(data.encode("utf-8", "surrogatepass")) > app.max_payload:
        raise Refused(413, f"data is larger than {app.max_payload} bytes")
    if socket_id is not None and not (isinstance(socket_id, str) and _is_socket_id(socket_id)):
        raise Refused(400, "socket_id must have the form 123.456")
    return Message(name, data, except_socket=socket_id or "")


def _is_socket_id(text: str) -> bool:
    node, dot, number = text.partition(".")
    return bool(dot) and all(part.isascii() and part.isdigit() for part in (node, number)) and len(text) <= 64


def read_channels(body: dict[str, Any]) -> list[str]:
    """The channels of a body, `channel` or `channels`. Raises `Refused`."""
    channels = body.get("channels")
    if channels is None:
        channels = [body.get("channel")]
    if not isinstance(channels, list) or not 0 < len(channels) <= MAX_CHANNELS:
        raise Refused(400, f"channels must be a list of 1 to {MAX_CHANNELS} names")
    return list(dict.fromkeys(valid_channel(channel) for channel in channels))


def valid_channel(channel: Any) -> str:
    if not isinstance(channel, str) or parse_channel(channel) is None:
        raise Refused(400, f"{str(channel)[:60]!r} is no valid channel name")
    return channel


def read_batch(app: App, body: dict[str, Any]) -> list[tuple[str, Message, frozenset[str]]]:
    """Channel, event and asked-for attributes of each member of a batch, all checked. Raises `Refused`."""
    batch = body.get("batch")
    if not isinstance(batch, list) or not 0 < len(batch) <= MAX_BATCH:
        raise Refused(400, f"batch must be a list of 1 to {MAX_BATCH} events")
    found = []
    for event in batch:
        if not isinstance(event, dict):
            raise Refused(400, "Each event of a batch must be a JSON object")
        found.append((valid_channel(event.get("channel")), read_message(app, event), read_info(event.get("info"))))
    return found


def read_info(value: Any) -> frozenset[str]:
    """The attributes that `info` asks for. Raises `Refused`."""
    if value is None or value == "":
        return frozenset()
    asked = frozenset(part.strip() for part in value.split(",")) if isinstance(value, str) else frozenset({""})
    if not asked <= _INFO:
        raise Refused(400, f"info may ask for {', '.join(sorted(_INFO))}")
    return asked
