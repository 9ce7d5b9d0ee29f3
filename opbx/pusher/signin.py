"""Signing a connection in as a user, and whom that user watches.

Source: the protocol's section "Channels", `pusher:signin`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from opbx.pusher.errors import BadMessage
from opbx.pusher.signatures import holds, signin_auth
from opbx.pusher.subscriptions import MAX_USER_ID, MAX_USER_INFO

MAX_WATCHLIST = 100


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The user of a connection. `info` is JSON text; `dropped` counts the watched users beyond the limit."""

    id: str
    info: str
    watchlist: tuple[str, ...]
    dropped: int


def verify_signin(
    *, key: str, secrets: Sequence[str], socket_id: str, auth: str | None, user_data: str | None
) -> SignedIn:
    """Check a sign-in's signature and read its user. Raises `BadMessage`."""
    if not auth or user_data is None:
        raise BadMessage("pusher:signin needs auth and user_data")
    if not holds(auth, lambda secret: signin_auth(key, secret, socket_id, user_data), secrets):
        raise BadMessage("The auth signature of pusher:signin is not valid", 4009)
    try:
        data: Any = orjson.loads(user_data)
    except orjson.JSONDecodeError as error:
        raise BadMessage("user_data is not valid JSON") from error
    user_id = data.get("id") if isinstance(data, dict) else None
    if not isinstance(user_id, str) or not 0 < len(user_id) <= MAX_USER_ID:
        raise BadMessage(f"user_data needs an id of 1 to {MAX_USER_ID} characters")
    info = orjson.dumps(data.get("user_info") or {})
    if len(info) > MAX_USER_INFO:
        raise BadMessage(f"user_info is larger than {MAX_USER_INFO} bytes")
    watched = _watchlist(data.get("watchlist"))
    return SignedIn(user_id, info.decode(), watched[:MAX_WATCHLIST], max(len(watched) - MAX_WATCHLIST, 0))


def _watchlist(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(user, str) and 0 < len(user) <= MAX_USER_ID for user in value):
        raise BadMessage("watchlist must be a list of user ids")
    return tuple(dict.fromkeys(value))
