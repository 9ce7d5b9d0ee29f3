"""Orders to all relays: end these connections, let those live longer.

Sent on a channel like any other, so that a relay that was cut off reads in the history what it missed.
"""

import time
from dataclasses import asdict, dataclass, field
from typing import Literal

import orjson
from redis import Redis

from opbx.backplane.keys import ChannelKeys
from opbx.backplane.records import Record
from opbx.backplane.scripts import PUBLISH, Call, new_epoch, run

#: Names no app, and cannot be subscribed to by a client.
CONTROL = ChannelKeys("", "#control")

#: Seconds for which an order stands: it is repeated for so long, and remembered.
STANDING = 3600.0

#: Whose connections: of an API token, of a user or an organization of this product, or signed in at an app as a user.
Whose = Literal["token", "user", "organization", "signed_in"]


@dataclass(frozen=True, slots=True)
class Terminate:
    """End the connections of `whose` `id` with 4009. `app_id` is empty but for `signed_in`.

    `at` is when they lost their right (Unix seconds): what was signed for them before is worth nothing.
    """

    whose: Whose
    id: str
    app_id: str = ""
    at: float = field(default_factory=time.time, compare=False)


@dataclass(frozen=True, slots=True)
class Extend:
    """Connections of this API token live until `expires` (Unix seconds)."""

    token: str
    expires: float


Order = Terminate | Extend


def order_call(order: Order) -> Call:
    """The script call that sends `order` to all relays."""
    kind = type(order).__name__.lower()
    record = Record(orjson.dumps({"order": kind, **asdict(order)}))
    return Call(
        PUBLISH, (CONTROL.head, CONTROL.log, CONTROL.cache), (CONTROL.topic, new_epoch(), 0, "", record.encode())
    )


def send(redis: Redis, *orders: Order) -> None:
    """Send `orders` now, in one round trip. Raises `redis.RedisError`; sending them again does no harm."""
    run(redis, [order_call(order) for order in orders])


def read_order(record: Record) -> Order | None:
    """The order that a record carries; None for one of a later version of this product."""
    match orjson.loads(record.text):
        case {
            "order": "terminate",
            "whose": ("token" | "user" | "organization" | "signed_in") as whose,
            "id": str(id_),
            "at": int() | float() as at,
        } as o:
            return Terminate(whose, id_, str(o.get("app_id", "")), float(at))
        case {"order": "extend", "token": str(token), "expires": int() | float() as expires}:
            return Extend(token, float(expires))
        case _:
            return None
