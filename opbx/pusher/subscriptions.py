"""What a subscription must show before it is granted.

Source: the protocol's section "Channels".
"""

from dataclasses import dataclass
from typing import Any

import orjson

from opbx.pusher.channels import ChannelName
from opbx.pusher.errors import SubscriptionRefused
from opbx.pusher.signatures import matches, subscription_auth

MAX_USER_ID = 128
MAX_USER_INFO = 2048


@dataclass(frozen=True, slots=True)
class PresenceData:
    """Who subscribes, as the application signed it. `user_info` is JSON text."""

    user_id: str
    user_info: str


def verify_auth(
    name: ChannelName, *, key: str, secret: str, socket_id: str, auth: str | None, channel_data: str | None
) -> None:
    """Check the signature where the channel needs one. Raises `SubscriptionRefused`."""
    if not name.kind.guarded:
        return
    if not auth:
        raise SubscriptionRefused(f"{name.wire} needs an auth signature")
    if not matches(subscription_auth(key, secret, socket_id, name.wire, channel_data), auth):
        raise SubscriptionRefused(f"The auth signature for {name.wire} is not valid")


def parse_presence_data(channel_data: str | None) -> PresenceData:
    """Read the member out of a presence subscription's `channel_data`. Raises `SubscriptionRefused`."""
    try:
        data: Any = orjson.loads(channel_data or "")
    except orjson.JSONDecodeError as error:
        raise SubscriptionRefused("channel_data is not valid JSON", status=400) from error
    user_id = data.get("user_id") if isinstance(data, dict) else None
    if isinstance(user_id, int) and not isinstance(user_id, bool):
        user_id = str(user_id)  # hosted Pusher takes numbers, and many back ends send them
    if not isinstance(user_id, str) or not 0 < len(user_id) <= MAX_USER_ID:
        raise SubscriptionRefused(f"channel_data needs a user_id of 1 to {MAX_USER_ID} characters", status=400)
    user_info = orjson.dumps(data.get("user_info") or {})
    if len(user_info) > MAX_USER_INFO:
        raise SubscriptionRefused(f"user_info is larger than {MAX_USER_INFO} bytes", status=413)
    return PresenceData(user_id, user_info.decode())
