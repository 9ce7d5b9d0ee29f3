"""Each route of the API, for each role and the own and a foreign organization.

The routes are those of the application: one without a line in the table fails. What only somebody else may do is
refused, what is foreign does not exist, nothing foreign is ever shown, and nothing foreign changes.
"""

import re
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from opbx import create_app
from opbx.identity.authorization import MANAGERS, OWNERS
from opbx.identity.models import Organization, Role, UserStatus
from opbx.identity.tokens import digest
from opbx.settings import Settings
from tests import factories
from tests.isolation.world import MARK, World
from tests.telephony.senders import VOICE_REQUEST

ALL = frozenset(Role)

#: Asked by anybody, and of no organization: login and its like, health, documentation, the dashboard's files.
OPEN = {
    "POST /api/v1/auth/login",
    "POST /api/v1/auth/invitation",
    "POST /api/v1/auth/invitation/accept",
    "GET /api/v1/health",
    "GET /api/v1/websocket/config",
    "GET /api/v1/websocket/health",
    "GET /api/v1/openapi.json",
    "GET /api/v1/docs",
    "GET /api/v1/docs/<name>",
    "GET /",
    "GET /assets/<path:name>",
}

#: Of senders, who prove themselves by their organization's keys.
SENDERS = {
    f"POST /api/webhooks/cloudonix/{name}" for name in ("call-initiated", "call-status", "cdr", "session-update")
}


@dataclass(frozen=True, kw_only=True)
class Access:
    """Who may call a route, what it answers them, and what it answers the others."""

    roles: frozenset[Role] = ALL
    body: Any = None
    query: str = ""
    success: int = 200
    refusal: int = 403
    shows: bool = True  #: whether what it answers tells of something by name
    named: str = ""  #: what the path's parameter is to name, where the parameter's name does not say it


_MANAGED = Access(roles=MANAGERS)

ACCESS: dict[str, Access] = {
    "GET /api/v1/auth/me": Access(),
    "POST /api/v1/auth/refresh": Access(),
    "POST /api/v1/auth/logout": Access(success=204),
    "POST /api/v1/auth/password": Access(
        body={"current_password": factories.PASSWORD, "new_password": "a new password"}, success=204
    ),
    # what may be subscribed to is the matter of `test_channels`; this channel is nobody's
    "POST /broadcasting/auth": Access(roles=frozenset(), body={"socket_id": "1.2", "channel_name": "private-user.x"}),
    "POST /api/v1/broadcasting/auth": Access(
        roles=frozenset(), body={"socket_id": "1.2", "channel_name": "private-user.x"}
    ),
    "GET /api/v1/calls": Access(),
    "GET /api/v1/calls/active": Access(),
    "GET /api/v1/calls/sequence": Access(shows=False),
    "GET /api/v1/calls/export.csv": Access(),
    "GET /api/v1/calls/statistics": Access(query="period=30d"),
    "GET /api/v1/calls/<identity>": Access(),
    "GET /api/v1/tokens": Access(),
    "POST /api/v1/tokens": Access(body={"name": "Wallboard"}, success=201),
    "DELETE /api/v1/tokens/<token_id>": Access(roles=OWNERS, success=204, refusal=404),
    "GET /api/v1/users": _MANAGED,
    "POST /api/v1/users": Access(
        roles=MANAGERS, body={"name": "Ann", "email": "ann-{}@opbx.test", "role": "pbx_user"}, success=201
    ),
    "GET /api/v1/users/<user_id>": _MANAGED,
    "PATCH /api/v1/users/<user_id>": Access(roles=MANAGERS, body={"role": "reporter"}),
    "POST /api/v1/users/<user_id>/invitation": Access(roles=MANAGERS, success=201),
    "POST /api/v1/users/<user_id>/deactivate": _MANAGED,
    "POST /api/v1/users/<user_id>/activate": Access(roles=MANAGERS, named="inactive_user_id"),
    "GET /api/v1/sender-keys": _MANAGED,
    "POST /api/v1/sender-keys": Access(roles=MANAGERS, body={"name": "PBX"}, success=201),
    "POST /api/v1/sender-keys/<key_id>/rotate": Access(roles=MANAGERS, body={}, success=201),
    "DELETE /api/v1/sender-keys/<key_id>": Access(roles=MANAGERS, success=204),
    "GET /api/v1/numbers": Access(),
    "POST /api/v1/numbers": Access(roles=MANAGERS, body={"phone_number": "+1555000{}"}, success=201),
    "DELETE /api/v1/numbers/<number_id>": Access(roles=MANAGERS, success=204),
    "GET /api/v1/extensions": Access(),
    "POST /api/v1/extensions": Access(roles=MANAGERS, body={"number": "9{}"}, success=201),
    "DELETE /api/v1/extensions/<extension_id>": Access(roles=MANAGERS, success=204),
    "GET /api/v1/audit-log": Access(roles=OWNERS),
    "GET /api/v1/delivery": _MANAGED,
    "GET /api/v1/dead-letters": Access(roles=OWNERS),
    "POST /api/v1/dead-letters/<letter_id>/retry": Access(roles=OWNERS, success=204),
    "DELETE /api/v1/dead-letters/<letter_id>": Access(roles=OWNERS, success=204),
}


def routes(app: Flask) -> set[str]:
    return {
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


@pytest.fixture
def world(session: Session) -> World:
    return World(session)


def test_every_route_has_its_line(settings: Settings) -> None:
    known = OPEN | SENDERS | ACCESS.keys()
    found = routes(create_app(settings))
    assert found - known == set(), "say in the table who may call it"
    assert known - found == set(), "these routes are gone"


@pytest.mark.parametrize("route", sorted(ACCESS))
def test_roles_and_organizations(client: FlaskClient, world: World, route: str) -> None:
    access = ACCESS[route]
    parameter = access.named or "".join(re.findall(r"<(\w+)>", route))
    for number, role in enumerate(Role):
        headers = world.caller(role)
        answer = call(client, route, about(world, route, world.own), headers, number)
        expected = access.success if role in access.roles else access.refusal
        assert answer.status_code == expected, (role, answer.text)
        assert MARK not in answer.text
        if route.startswith("GET") and expected == 200 and access.shows:
            assert "ours-" in answer.text  # so that a mark would be seen
        if parameter:
            path = about(world, route, world.foreign)
            before = world.rows(world.foreign)
            answer = call(client, route, path, headers, number)
            assert answer.status_code == (404 if role in access.roles else access.refusal), (role, answer.text)
            assert MARK not in answer.text
            assert world.rows(world.foreign) == before


@pytest.mark.parametrize("route", sorted(ACCESS))
def test_without_a_valid_login_there_is_nothing(client: FlaskClient, world: World, route: str) -> None:
    switched_off = world.caller(Role.OWNER, status=UserStatus.INACTIVE)
    path = about(world, route, world.own)
    before = world.rows(world.own)
    for headers, status in (({}, 401), (factories.bearer("nonsense"), 401), (switched_off, 403)):
        answer = call(client, route, path, headers, 0)
        assert answer.status_code == status
        assert "ours-" not in answer.text
    assert world.rows(world.own) == before


def about(world: World, route: str, organization: Organization) -> str:
    """The route's path about something new of the organization."""
    path = route.split()[1]
    for name in re.findall(r"<(\w+)>", path):
        path = path.replace(f"<{name}>", world.subject(ACCESS[route].named or name, organization))
    return path


def call(client: FlaskClient, route: str, path: str, headers: dict[str, str], number: int) -> TestResponse:
    access = ACCESS[route]
    body = _numbered(access.body, number)
    return client.open(path, method=route.split(maxsplit=1)[0], headers=headers, query_string=access.query, json=body)


def _numbered(body: Any, number: int) -> Any:
    """The body with a text of its own wherever one must be unique."""
    if not isinstance(body, dict):
        return body
    return {key: value.format(number) if isinstance(value, str) else value for key, value in body.items()}


class TestReferences:
    """What a body or a query names is looked for in the own organization only."""

    def test_in_bodies(self, client: FlaskClient, world: World) -> None:
        owner = world.caller(Role.OWNER)
        body = {"number": "100", "user_id": world.subject("user_id", world.foreign)}
        assert client.post("/api/v1/extensions", json=body, headers=owner).status_code == 404

    @pytest.mark.parametrize(("filtered", "parameter"), [("extension", "extension_id"), ("did", "number_id")])
    def test_in_the_filters_of_calls(self, client: FlaskClient, world: World, filtered: str, parameter: str) -> None:
        query = {filtered: world.subject(parameter, world.foreign)}
        answer = client.get("/api/v1/calls", query_string=query, headers=world.caller(Role.OWNER))
        assert (answer.status_code, answer.get_json()["data"]) == (200, [])

    def test_in_the_audit_log(self, client: FlaskClient, world: World) -> None:
        query = {"user": world.subject("user_id", world.foreign)}
        answer = client.get("/api/v1/audit-log", query_string=query, headers=world.caller(Role.OWNER))
        assert (answer.status_code, answer.get_json()["data"]) == (200, [])


@pytest.mark.parametrize("route", sorted(SENDERS))
def test_a_sender_speaks_for_its_own_organization(
    client: FlaskClient, session: Session, world: World, route: str
) -> None:
    """The key of one organization opens no other, whatever the payload says, and neither does anybody's login."""
    key = "key-of-the-foreign-organization"
    factories.make_sender_key(session, world.foreign, key_hash=digest(key), sealed_secret=None)
    before = world.rows(world.own)
    body = VOICE_REQUEST | {"Domain": world.own.domain, "domain": world.own.domain}
    for headers in (factories.bearer(key), world.caller(Role.OWNER), {}):
        answer = client.post(route.split()[1], json=body, headers=headers)
        assert answer.status_code == 401
    assert [row for row in world.rows(world.own) if "697f1777" in row] == []
    assert len(world.rows(world.own)) == len(before) + 2  # the caller and the caller's token
