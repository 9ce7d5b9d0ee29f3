"""What a subscription must show before it is granted, and what its signed data may carry.

Source: the protocol's section "Channels".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import orjson

from opbx.pusher.channels import ChannelName
from opbx.pusher.errors import SubscriptionRefused
from opbx.pusher.signatures import holds, subscription_auth

MAX_USER_ID = 128
MAX_USER_INFO = 2048


@dataclass(frozen=True, slots=True)
class Grant:
    """On whose behalf the application signed a subscription; its end is the socket's end. Not of the protocol.

    `expires`, and `signed`, when the signature was made, are in Unix seconds; without `signed` its age is not judged.
    """

    token: str
    user: str
    organization: str
    expires: float
    signed: float


@dataclass(frozen=True, slots=True)
class ChannelData:
    """What the application signed beside the channel's name.

    `user_id` and `user_info` (JSON text) are the member of a presence channel. `grant` and `resume` (the last outbox
    sequence that the client has seen) are this product's own; pusher-js passes them through unread.
    """

    user_id: str | None = None
    user_info: str = "{}"
    grant: Grant | None = None
    resume: int | None = None


def verify_auth(
    name: ChannelName,
    *,
    key: str,
    secrets: Sequence[str],
    socket_id: str,
    auth: str | None,
    channel_data: str | None,
) -> None:
    """Check the signature where the channel needs one. Raises `SubscriptionRefused`."""
    if not name.kind.guarded:
        return
    if not auth:
        raise SubscriptionRefused(f"{name.wire} needs an auth signature")
    if not holds(auth, lambda secret: subscription_auth(key, secret, socket_id, name.wire, channel_data), secrets):
        raise SubscriptionRefused(f"The auth signature for {name.wire} is not valid")


def parse_channel_data(text: str) -> ChannelData:
    """Read signed channel data; it must have been verified. Raises `SubscriptionRefused`."""
    try:
        data: Any = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise SubscriptionRefused("channel_data is not valid JSON", status=400) from error
    if not isinstance(data, dict):
        raise SubscriptionRefused("channel_data is not a JSON object", status=400)
    resume = data.get("resume")
    return ChannelData(
        _user_id(data.get("user_id")),
        _user_info(data.get("user_info")),
        _grant(data.get("grant")),
        resume if isinstance(resume, int) and 0 <= resume < 2**53 else None,
    )


def _user_id(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)  # hosted Pusher takes numbers, and many back ends send them
    if not isinstance(value, str) or not 0 < len(value) <= MAX_USER_ID:
        raise SubscriptionRefused(f"user_id must have 1 to {MAX_USER_ID} characters", status=400)
    return value


def _user_info(value: Any) -> str:
    info = orjson.dumps(value or {})
    if len(info) > MAX_USER_INFO:
        raise SubscriptionRefused(f"user_info is larger than {MAX_USER_INFO} bytes", status=413)
    return info.decode()


def _grant(value: Any) -> Grant | None:
    match value:
        case {"token": str(token), "user": str(user), "organization": str(organization), "expires": int() | float()}:
            signed = value.get("signed")
            signed = float(signed) if isinstance(signed, int | float) else inf
            return Grant(token, user, organization, float(value["expires"]), signed)
        case _:
            return None
