"""The Pusher HTTP API: what back ends call to publish. Every call is signed.

Source: the protocol's section "HTTP API".
"""

import time
from typing import Any

import orjson
from flask import Blueprint, Flask, Response, request
from gevent import Timeout
from gevent.event import AsyncResult

from opbx.apps import App, Apps
from opbx.backplane.publisher import Message, publish_call
from opbx.pusher.channels import MAX_EVENT_NAME, parse_channel
from opbx.pusher.signatures import body_digest, matches, request_signature
from opbx.relay.ledger import Ledger

#: Seconds that a call's timestamp may be off.
CLOCK_SKEW = 600

#: Seconds for which a publish waits for Redis before it is answered with 503.
PUBLISH_TIMEOUT = 2.0

_MOST_CHANNELS = 100


class Refused(Exception):
    """An answer other than success."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def register_http_api(flask: Flask, apps: Apps, ledger: Ledger) -> None:
    """Serve `/apps/{id}/…`."""
    blueprint = Blueprint("http_api", __name__, url_prefix="/apps/<app_id>")

    @blueprint.post("/events")
    def trigger(app_id: str) -> Response:
        app = _authenticate(apps, app_id)
        channels, message = _event(app, _body())
        _publish(ledger, app, channels, message)
        return _json(200, {})

    @flask.errorhandler(Refused)
    def refused(error: Refused) -> Response:
        return _json(error.status, {"error": str(error)})

    flask.register_blueprint(blueprint)


def _authenticate(apps: Apps, app_id: str) -> App:
    app = apps.by_id(app_id)
    if app is None:
        raise Refused(404, f"There is no app with the id {app_id[:60]!r}")
    query = request.args.to_dict()
    if query.get("auth_key") != app.key:
        raise Refused(401, "auth_key is not the key of this app")
    if query.get("auth_version") != "1.0":
        raise Refused(401, "auth_version must be 1.0")
    stamp = query.get("auth_timestamp", "")
    if not stamp.isascii() or not stamp.isdigit() or abs(int(stamp[:12]) - time.time()) > CLOCK_SKEW:
        raise Refused(401, f"auth_timestamp must be within {CLOCK_SKEW} s of now")
    expected = request_signature(app.secret, request.method, request.path, query)
    if not matches(expected, query.get("auth_signature", "")):
        raise Refused(401, "auth_signature is not valid")
    body = request.get_data()
    if (body or "body_md5" in query) and not matches(body_digest(body), query.get("body_md5", "")):
        raise Refused(401, "body_md5 does not match the body")
    if not app.enabled:
        raise Refused(403, "The app is disabled")
    return app


def _body() -> dict[str, Any]:
    try:
        body = orjson.loads(request.get_data())
    except orjson.JSONDecodeError as error:
        raise Refused(400, "The body is not valid JSON") from error
    if not isinstance(body, dict):
        raise Refused(400, "The body is not a JSON object")
    return body


def _event(app: App, body: dict[str, Any]) -> tuple[list[str], Message]:
    """The channels and the event of a body. Raises `Refused`."""
    name, data, socket_id = body.get("name"), body.get("data"), body.get("socket_id")
    if not isinstance(name, str) or not 0 < len(name) <= MAX_EVENT_NAME:
        raise Refused(400, f"name must be a string of 1 to {MAX_EVENT_NAME} characters")
    if not isinstance(data, str):
        raise Refused(400, "data must be a string (JSON text for structured data)")
    if len(data.encode("utf-8", "surrogatepass")) > app.max_payload:
        raise Refused(413, f"data is larger than {app.max_payload} bytes")
    if socket_id is not None and not isinstance(socket_id, str):
        raise Refused(400, "socket_id must be a string")
    return _channels(body), Message(name, data, except_socket=socket_id or "")


def _channels(body: dict[str, Any]) -> list[str]:
    channels = body.get("channels")
    if channels is None:
        channels = [body.get("channel")]
    if not isinstance(channels, list) or not 0 < len(channels) <= _MOST_CHANNELS:
        raise Refused(400, f"channels must be a list of 1 to {_MOST_CHANNELS} names")
    for channel in channels:
        if not isinstance(channel, str) or parse_channel(channel) is None:
            raise Refused(400, f"{str(channel)[:60]!r} is no valid channel name")
    return list(dict.fromkeys(channels))


def _publish(ledger: Ledger, app: App, channels: list[str], message: Message) -> None:
    """Publish on all channels, and wait until Redis has them. Raises `Refused`."""
    answers: list[AsyncResult] = []
    for channel in channels:
        answer = AsyncResult()
        ledger.submit(publish_call(app.id, channel, [message]), answer.set)
        answers.append(answer)
    with Timeout(PUBLISH_TIMEOUT, Refused(503, "The backplane is away; the event may arrive late")):
        for answer in answers:
            if answer.get() is None:
                raise Refused(503, "The backplane does not take the event")


def _json(status: int, body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body), status, content_type="application/json")
