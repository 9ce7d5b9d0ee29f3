"""On whose behalf connections are open, and their end when that ends: tokens revoked or expired, users deactivated,
organizations suspended."""

import time
from collections import defaultdict
from typing import TYPE_CHECKING

from opbx.backplane.control import STANDING, Extend, Order, Terminate, read_order
from opbx.backplane.records import Record
from opbx.pusher.errors import SubscriptionRefused, Unauthorized
from opbx.pusher.subscriptions import Grant
from opbx.relay.channel import Channel

if TYPE_CHECKING:
    from opbx.relay.connection import Connection


#: Seconds after its end in which what was signed on it is still refused: by so much clocks may differ, and a commit may
#: take. Users and organizations may be let in again, and are not to wait for it; a token never is.
_SLACK = {"token": 5.0, "user": 1.0, "organization": 1.0}


class Grants:
    """Which connections depend on which token, user and organization, or are signed in as a user of an app."""

    def __init__(self) -> None:
        self._dependents: defaultdict[tuple[str, str, str], set[Connection]] = defaultdict(set)
        self._expires: dict[str, float] = {}
        self._ended: dict[tuple[str, str, str], float] = {}  # when, of those that were ended lately

    def check(self, grant: Grant) -> None:
        """Raises `SubscriptionRefused` where the signature is from before the end of what it was made on."""
        if grant.signed < time.time() - STANDING:
            raise SubscriptionRefused("The signature is too old")
        if any(grant.signed <= self._ended.get(key, 0.0) + _SLACK[key[0]] for key in _keys(grant)):
            raise SubscriptionRefused("The signature was made on what has ended since")

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
            case Terminate(whose, id_, app_id, at):
                key = (whose, id_, app_id)
                if whose != "signed_in":  # those may come back at once
                    self._ended[key] = max(at, self._ended.get(key, 0.0))
                self._end(key)
            case Extend(token, expires):
                if token in self._expires:
                    self._expires[token] = expires

    def _end(self, key: tuple[str, str, str]) -> None:
        for connection in list(self._dependents.get(key, ())):
            connection.close(Unauthorized())

    def expire(self) -> None:
        """End what depends on a token that has expired by now; called once a second."""
        now = time.time()
        for token in [token for token, expires in self._expires.items() if expires <= now]:
            self._end(("token", token, ""))
        for key in [key for key, at in self._ended.items() if at < now - STANDING - _SLACK[key[0]]]:
            del self._ended[key]


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
