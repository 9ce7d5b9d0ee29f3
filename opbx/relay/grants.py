"""On whose behalf connections are open, and their end when that ends: tokens revoked or expired, users deactivated,
organizations suspended."""

import time
from collections import defaultdict
from typing import TYPE_CHECKING

from opbx.backplane.control import Extend, Order, Terminate, read_order
from opbx.backplane.records import Record
from opbx.pusher.errors import Unauthorized
from opbx.pusher.subscriptions import Grant
from opbx.relay.channel import Channel

if TYPE_CHECKING:
    from opbx.relay.connection import Connection


class Grants:
    """Which connections depend on which token, user and organization, or are signed in as a user of an app."""

    def __init__(self) -> None:
        self._dependents: defaultdict[tuple[str, str, str], set[Connection]] = defaultdict(set)
        self._expires: dict[str, float] = {}

    def depend(self, connection: "Connection", grant: Grant) -> None:
        """The connection lives as long as `grant` does."""
        for key in _keys(grant):
            self._dependents[key].add(connection)
        self._expires.setdefault(grant.token, grant.expires)
        self._expires[grant.token] = max(self._expires[grant.token], grant.expires)
        connection.grants = {*connection.grants, grant}

    def sign_in(self, connection: "Connection", user_id: str) -> None:
        self._dependents["signed_in", user_id, connection.app.id].add(connection)

    def forget(self, connection: "Connection") -> None:
        """The connection has ended."""
        keys = [key for grant in connection.grants for key in _keys(grant)]
        if connection.user is not None:
            keys.append(("signed_in", connection.user.id, connection.app.id))
        for key in keys:
            dependents = self._dependents.get(key, set())
            dependents.discard(connection)
            if not dependents:
                self._dependents.pop(key, None)
                if key[0] == "token":
                    self._expires.pop(key[1], None)

    def obey(self, order: Order) -> None:
        match order:
            case Terminate(whose, id_, app_id):
                for connection in list(self._dependents.get((whose, id_, app_id), ())):
                    connection.close(Unauthorized())
            case Extend(token, expires):
                if token in self._expires:
                    self._expires[token] = expires

    def expire(self) -> None:
        """End what depends on a token that has expired by now; called once a second."""
        now = time.time()
        for token in [token for token, expires in self._expires.items() if expires <= now]:
            self.obey(Terminate("token", token))


def _keys(grant: Grant) -> list[tuple[str, str, str]]:
    return [("token", grant.token, ""), ("user", grant.user, ""), ("organization", grant.organization, "")]


class ControlChannel(Channel):
    """The channel of orders: its one subscriber is the node itself."""

    __slots__ = ("_act",)

    def act_on(self, grants: Grants) -> None:
        self._act = grants.obey

    def _add(self, record: Record) -> None:
        order = read_order(record)
        if order is not None:
            self._act(order)
