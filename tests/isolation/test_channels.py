"""Each channel rule, for each role and the own and a foreign organization, in every form that a name can take."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from opbx.broadcasting import (
    channels,
)
from opbx.broadcasting import (
    rules as _declared,  # noqa: F401
)
from opbx.identity.models import Role
from opbx.pusher.channels import Kind
from tests.isolation.world import World

#: For each rule, what of an organization its name's part names.
NAMED = {
    "presence.org.": "organization_id",
    "user.": "user_id",
    "extension.": "extension_id",
}
_PREFIX = {Kind.PRIVATE: "private-", Kind.PRESENCE: "presence-"}
_FORMS = (
    "", "private-", "presence-", "cache-", "private-cache-", "presence-cache-", "private-encrypted-",
    "private-encrypted-cache-",
)  # fmt: skip


def rules() -> dict[str, Kind]:
    """The literal beginning of each declared rule's names, and its kind."""
    return {rule.pattern.pattern.partition("(?P<")[0].replace("\\", ""): rule.kind for rule in channels._rules}


def test_every_rule_has_its_line() -> None:
    assert rules().keys() == NAMED.keys(), "say in the table what the channel is of"


@pytest.fixture
def world(session: Session) -> World:
    return World(session)


def status(client: FlaskClient, headers: dict[str, str], channel: str) -> int:
    body = {"socket_id": "1.2", "channel_name": channel}
    return client.post("/broadcasting/auth", json=body, headers=headers).status_code


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("beginning", sorted(NAMED))
def test_roles_and_organizations(client: FlaskClient, world: World, beginning: str, role: Role) -> None:
    kind = rules()[beginning]
    headers = world.caller(role)
    own, foreign = (_part(client, world, beginning, headers, own=own) for own in (True, False))
    assert status(client, headers, f"{_PREFIX[kind]}{beginning}{own}") == 200
    for form in _FORMS:
        assert status(client, headers, f"{form}{beginning}{foreign}") == 403
        if form != _PREFIX[kind]:
            assert status(client, headers, f"{form}{beginning}{own}") == 403
    for odd in (own.upper(), f"{own}.", f"{own}.x", f"x{own}", own.replace("-", "")):
        assert status(client, headers, f"{_PREFIX[kind]}{beginning}{odd}") in {403, 422}


def test_another_user_of_the_own_organization_is_another(client: FlaskClient, world: World) -> None:
    headers = world.caller(Role.OWNER)
    other = world.subject("user_id", world.own)
    assert status(client, headers, f"private-user.{other}") == 403


def _part(client: FlaskClient, world: World, beginning: str, headers: dict[str, str], *, own: bool) -> str:
    """What stands behind the beginning in a channel of the own organization (of the caller) or the foreign one."""
    organization = world.own if own else world.foreign
    if NAMED[beginning] == "organization_id":
        return organization.id
    if own and NAMED[beginning] == "user_id":
        return str(client.get("/api/v1/auth/me", headers=headers).get_json()["id"])
    return world.subject(NAMED[beginning], organization)
