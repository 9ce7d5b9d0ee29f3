"""The calls themselves."""

import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

import orjson
from flask import Flask
from flask import request as flask_request
from redis import Redis
from redis.exceptions import RedisError

from opbx.apps import App
from opbx.backplane import occupancy
from opbx.backplane.connection import connect
from opbx.backplane.control import Terminate, order_call
from opbx.backplane.occupancy import ChannelState
from opbx.pusher.channels import Kind, parse_channel
from opbx.relay.http_api.publishing import Publishing
from opbx.relay.http_api.requests import (
    Refused,
    Request,
    authenticate,
    json_body,
    read_batch,
    read_channels,
    read_info,
    read_message,
    valid_channel,
)
from opbx.relay.node import Node
from opbx.relay.tally import TALLY

_PRESENCE = "presence-"
_JSON = {"Content-Type": "application/json"}


class HttpApi:
    """Answers the calls of back ends. Each method is one call, and returns the answer's body. Raises `Refused`."""

    def __init__(self, node: Node, redis: Redis) -> None:
        self._node = node
        self._redis = redis
        self._publishing = Publishing(node.ledger)

    def events(self, request: Request, app_id: str) -> dict[str, Any]:
        app = authenticate(self._node.apps, request, app_id)
        body = json_body(request)
        message, channels, info = read_message(app, body), read_channels(body), read_info(body.get("info"))
        self._publishing.limit(app, "backend_events", 1, app.max_backend_events_per_second)
        self._publishing.publish(app, [(channel, message) for channel in channels])
        return {"channels": self._states(app, channels, info)} if info else {}

    def batch_events(self, request: Request, app_id: str) -> dict[str, Any]:
        app = authenticate(self._node.apps, request, app_id)
        batch = read_batch(app, json_body(request))
        self._publishing.limit(app, "backend_events", len(batch), app.max_backend_events_per_second)
        self._publishing.publish(app, [(channel, message) for channel, message, _ in batch])
        if not any(info for _, _, info in batch):
            return {}
        return {"batch": [self._states(app, [channel], info)[channel] if info else {} for channel, _, info in batch]}

    def channels(self, request: Request, app_id: str) -> dict[str, Any]:
        app = self._reader(request, app_id)
        prefix, info = request.query.get("filter_by_prefix", ""), read_info(request.query.get("info"))
        if "user_count" in info and not prefix.startswith(_PRESENCE):
            raise Refused(400, f"user_count needs filter_by_prefix={_PRESENCE}…")
        return {"channels": self._states(app, occupancy.channels(self._redis, app.id, prefix), info)}

    def channel(self, request: Request, app_id: str, channel: str) -> dict[str, Any]:
        app = self._reader(request, app_id)
        valid_channel(channel)
        info = read_info(request.query.get("info"))
        if "user_count" in info and not channel.startswith(_PRESENCE):
            raise Refused(400, "user_count is known of presence channels only")
        state = occupancy.states(self._redis, app.id, [channel])[channel]
        return {"occupied": state.subscribers > 0} | _attributes(channel, state, info)

    def users(self, request: Request, app_id: str, channel: str) -> dict[str, Any]:
        app = self._reader(request, app_id)
        name = parse_channel(channel)
        if name is None or name.kind is not Kind.PRESENCE:
            raise Refused(400, "Users are known of presence channels only")
        return {"users": [{"id": user} for user in occupancy.users(self._redis, app.id, channel)]}

    def terminate(self, request: Request, user_id: str, app_id: str | None = None) -> dict[str, Any]:
        app = authenticate(self._node.apps, request, app_id)
        self._publishing.carry_out([order_call(Terminate("signed_in", user_id, app.id))])
        return {}

    def _reader(self, request: Request, app_id: str) -> App:
        app = authenticate(self._node.apps, request, app_id)
        self._publishing.limit(app, "reads", 1, app.max_read_requests_per_second)
        return app

    def _states(self, app: App, channels: list[str], info: frozenset[str]) -> dict[str, Any]:
        states = occupancy.states(self._redis, app.id, channels) if info else {}
        return {name: _attributes(name, states[name], info) if info else {} for name in channels}


def _attributes(channel: str, state: ChannelState, info: frozenset[str]) -> dict[str, Any]:
    """What was asked for, as far as the channel has it."""
    found: dict[str, Any] = {}
    presence = channel.startswith(_PRESENCE)
    if "user_count" in info and presence:
        found["user_count"] = state.members
    if "subscription_count" in info and not presence:
        found["subscription_count"] = state.subscribers
    if "cache" in info and state.cached is not None:
        found["cache"] = {"data": orjson.loads(state.cached)["data"]}
    return found


def _answer(
    call: Callable[..., dict[str, Any]], environ: dict[str, Any], **arguments: str
) -> tuple[bytes, int, dict[str, str]]:
    """Body, status and headers, as Flask takes them."""
    try:
        status, headers, body = 200, _JSON, call(Request.read(environ), **arguments)
    except Refused as error:
        status, headers, body = error.status, {**error.headers, **_JSON}, {"error": str(error)}
    except RedisError:
        status, headers, body = 503, {"Retry-After": "1", **_JSON}, {"error": "The backplane is away"}
    TALLY.http[call.__name__, status] += 1
    return orjson.dumps(body), status, headers


class EventsShortcut:
    """WSGI middleware that answers `POST /apps/{id}/events`, which comes by the thousand, without Flask's detours."""

    _PATH = re.compile(r"/apps/([^/]+)/events")

    def __init__(self, wsgi: Callable[..., Iterable[bytes]], api: HttpApi) -> None:
        self._wsgi = wsgi
        self._api = api

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        events = environ["REQUEST_METHOD"] == "POST" and self._PATH.fullmatch(environ["PATH_INFO"])
        if not events:
            return self._wsgi(environ, start_response)
        body, status, headers = _answer(self._api.events, environ, app_id=events[1])
        start_response(f"{status} {HTTPStatus(status).phrase}", [*headers.items(), ("Content-Length", str(len(body)))])
        return [body]


def register_http_api(flask: Flask, node: Node, redis_url: str) -> None:
    """Serve `/apps/{id}/…`."""
    api = HttpApi(node, connect(redis_url, timeout=1.0))

    def serve(method: str, path: str, call: Callable[..., dict[str, Any]]) -> None:
        def view(**arguments: str) -> tuple[bytes, int, dict[str, str]]:
            return _answer(call, flask_request.environ, **arguments)

        flask.add_url_rule(path, path, view, methods=[method])

    serve("POST", "/apps/<app_id>/batch_events", api.batch_events)
    serve("GET", "/apps/<app_id>/channels", api.channels)
    serve("GET", "/apps/<app_id>/channels/<channel>", api.channel)
    serve("GET", "/apps/<app_id>/channels/<channel>/users", api.users)
    serve("POST", "/apps/<app_id>/users/<user_id>/terminate_connections", api.terminate)
    # Where the `pusher` package from PyPI sends it, without the app's id.
    serve("POST", "/users/<user_id>/terminate_connections", api.terminate)
    flask.wsgi_app = EventsShortcut(flask.wsgi_app, api)  # type: ignore[method-assign]
