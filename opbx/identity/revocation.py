"""Open sockets end with what they were opened on: a token, a user, an organization.

The relays end them on orders (`opbx.backplane.control`). An order is sent when the change has committed, so that
a socket lives on for milliseconds. It never fails the request or holds it up for long; what is lost with a Redis
that is away is made up for by repeating the orders of the last hour every few seconds. Orders can be repeated
without harm.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from flask import Flask, current_app
from redis import Redis
from sqlalchemy import or_, select

from opbx.backplane.connection import connect
from opbx.backplane.control import STANDING, Extend, Order, Terminate, Whose, send
from opbx.commits import AfterCommit
from opbx.database import AnySession
from opbx.extensions import db
from opbx.identity.models import ApiToken, Organization, User
from opbx.settings import Settings

log = structlog.get_logger()

#: How long orders are repeated: for a relay that is cut off from Redis for longer than the history of orders
#: reaches back. One that is cut off for longer than this ends its sockets when their tokens expire. A signature is
#: good for no longer either, or one from before the revocation could outlive what relays know of it.
REPEATED = timedelta(seconds=STANDING)

#: Orders of one round trip.
BATCH = 500

#: A hung Redis makes the sender wait for four answers at most (the client connects twice, and once more).
SHARE = 1 / 4

_ordered: AfterCommit[Order] = AfterCommit("orders")


class Orders:
    """Sends orders to the relays. Never raises."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def send(self, orders: Sequence[Order]) -> None:
        try:
            for start in range(0, len(orders), BATCH):
                send(self._redis, *orders[start : start + BATCH])
        except Exception as error:
            log.warning("the relays were not told, it will be repeated", orders=len(orders), error=repr(error))


def create_orders(settings: Settings) -> Orders:
    """Orders that wait no longer than `settings.redis_timeout` for Redis."""
    return Orders(connect(settings.redis_url, timeout=settings.redis_timeout * SHARE))


def init_revocation(app: Flask) -> None:
    """Make the commits of `db.session` in `app` send the orders given in them."""
    app.extensions["opbx_orders"] = create_orders(app.config["OPBX"])


def order_after_commit(session: AnySession, order: Order) -> None:
    """Send `order` once the open transaction of `session` has committed."""
    _ordered.add(session, order)


def standing_orders(session: AnySession, now: datetime) -> Iterator[Order]:
    """What was ordered within `REPEATED` and still holds.

    It also reaches whoever got a signature just before, and subscribes with it just after the first order. Extensions
    are repeated as well: a lost one would end the socket of a valid token, which pusher-js takes for final.
    """
    since = now - REPEATED
    ended: tuple[tuple[Whose, type[Organization | User], Any], ...] = (
        ("organization", Organization, Organization.suspended_at),
        ("user", User, User.deactivated_at),
    )
    for whose, kind, column in ended:
        for id_, at in session.execute(select(kind.id, column).where(column > since)):
            yield Terminate(whose, id_, at=at.timestamp())
    ended_or_extended = (
        select(ApiToken.id, ApiToken.revoked_at, ApiToken.expires_at)
        .where(or_(ApiToken.revoked_at > since, ApiToken.refreshed_at > since))
        .where(ApiToken.expires_at > now)  # the relays watch the expiry themselves
    )
    for token, revoked_at, expires_at in session.execute(ended_or_extended):
        if revoked_at is None:
            yield Extend(token, expires_at.timestamp())
        else:
            yield Terminate("token", token, at=revoked_at.timestamp())


def _send_from_app(orders: list[Order]) -> None:
    sender: Orders | None = current_app.extensions.get("opbx_orders")
    if sender is not None:
        sender.send(orders)


# Once for the process: the session is shared by all applications of the process.
_ordered.hand_over(db.session, _send_from_app)
