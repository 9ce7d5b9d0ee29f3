"""Messages of a connection: what clients send, taken apart; what the server says, put together.

Source: the protocol's sections "Connection" and "Channels". `data` of every server event is a JSON *string*;
clients may send it as a string or as a value.
"""

from dataclasses import dataclass
from typing import Any, Final

import orjson

from opbx.pusher.channels import MAX_EVENT_NAME
from opbx.pusher.errors import BadMessage, SubscriptionRefused

#: Not of the protocol: tells subscribers that events were missed for good, and to load their state again.
RESYNC: Final = "opbx:resync"


@dataclass(frozen=True, slots=True)
class ClientMessage:
    """One message of a client. `data` is decoded where it came as a JSON string, else as it came."""

    event: str
    data: Any
    channel: str | None


def parse_message(text: str) -> ClientMessage:
    """Take a client's message apart. Raises `BadMessage`."""
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadMessage("The message is not valid JSON") from error
    if not isinstance(message, dict):
        raise BadMessage("The message is not a JSON object")
    event = message.get("event")
    if not isinstance(event, str) or not event:
        raise BadMessage("The message has no event name")
    if len(event) > MAX_EVENT_NAME:
        raise BadMessage(f"The event name is longer than {MAX_EVENT_NAME} characters")
    channel = message.get("channel")
    if channel is not None and not isinstance(channel, str):
        raise BadMessage("The channel is not a string")
    return ClientMessage(event, message.get("data"), channel)


def object_data(message: ClientMessage) -> dict[str, Any]:
    """The message's data as an object, whether it came as one or as its JSON text. Raises `BadMessage`."""
    data = message.data
    if isinstance(data, str):
        try:
            data = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise BadMessage(f"The data of {message.event} is not valid JSON") from error
    if not isinstance(data, dict):
        raise BadMessage(f"The data of {message.event} is not an object")
    return data


def text_field(data: dict[str, Any], name: str) -> str | None:
    """An optional field that must be a string. Raises `BadMessage`."""
    value = data.get(name)
    if value is not None and not isinstance(value, str):
        raise BadMessage(f"{name} is not a string")
    return value


def server_event(event: str, data: Any, channel: str | None = None) -> bytes:
    """The text of an event of the server; `data` becomes a JSON string."""
    message = {"event": event, "data": orjson.dumps(data).decode()}
    if channel is not None:
        message["channel"] = channel
    return orjson.dumps(message)


PING: Final = server_event("pusher:ping", {})
PONG: Final = server_event("pusher:pong", {})


def connection_established(socket_id: str, activity_timeout: int) -> bytes:
    """The first message of every connection; pusher-js throws when `activity_timeout` (seconds) is zero."""
    return server_event("pusher:connection_established", {"socket_id": socket_id, "activity_timeout": activity_timeout})


def error(problem: BadMessage) -> bytes:
    """`pusher:error`; `code` is null where the protocol names none."""
    return server_event("pusher:error", {"message": str(problem), "code": problem.code})


def subscription_succeeded(channel: str, members: dict[str, Any] | None = None) -> bytes:
    """`members` (user id → info) for presence channels, the joiner included."""
    data: dict[str, Any] = {}
    if members is not None:
        data = {"presence": {"count": len(members), "ids": list(members), "hash": members}}
    return server_event("pusher_internal:subscription_succeeded", data, channel)


def subscription_error(channel: str, refusal: SubscriptionRefused) -> bytes:
    """Why `channel` was refused, in HTTP's terms."""
    data = {"type": refusal.kind, "error": str(refusal), "status": refusal.status}
    return server_event("pusher:subscription_error", data, channel)


def signin_success(user_data: str) -> bytes:
    """`user_data` is the text that was signed."""
    return server_event("pusher:signin_success", {"user_data": user_data})


def watchlist_events(*, online: list[str] | None = None, offline: list[str] | None = None) -> bytes:
    """Who of those that a user watches came online, or went."""
    events = [{"name": name, "user_ids": users} for name, users in (("online", online), ("offline", offline)) if users]
    return server_event("pusher_internal:watchlist_events", {"events": events})


def subscription_count(channel: str) -> tuple[bytes, bytes]:
    """What stands before and after the number in the text of a `subscription_count` event."""
    text = server_event("pusher_internal:subscription_count", {"subscription_count": 0}, channel)
    before, _, after = text.partition(b":0}")
    return before + b":", b"}" + after


def cache_miss(channel: str) -> bytes:
    """A cache channel has no message to give to a newcomer."""
    return server_event("pusher:cache_miss", {}, channel)


def resync(channel: str) -> bytes:
    """Events of `channel` were missed and cannot be replayed."""
    return server_event(RESYNC, {}, channel)
