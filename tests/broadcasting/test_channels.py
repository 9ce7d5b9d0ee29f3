"""Channel rules: the wire name of a logical one, and who may subscribe to what."""

import pytest

from opbx.broadcasting.channels import NoChannelRule, authorize, channel, wire_name
from opbx.identity.models import Role, User
from opbx.pusher.channels import Kind, ReservedNames, parse_channel

USER = User(id="u1", organization_id="7", name="Ann", email="ann@opbx.test", role=Role.OWNER)


def verdict(wire: str) -> object:
    name = parse_channel(wire)
    assert name is not None
    return authorize(USER, name)


def test_wire_names() -> None:
    assert wire_name("presence.org.7") == "presence-presence.org.7"
    assert wire_name("user.u1") == "private-user.u1"
    assert wire_name("extension.e1") == "private-extension.e1"


@pytest.mark.parametrize(
    "logical", ["", "presence.org.", "presence.org.7.8", "presenceXorg.7", "xuser.u1", "user.u1\n"]
)
def test_a_name_without_a_rule(logical: str) -> None:
    with pytest.raises(NoChannelRule):
        wire_name(logical)


def test_the_relay_refuses_every_other_spelling_of_our_channels() -> None:
    """What a rule publishes on must be reserved, or a stranger could subscribe to the logical name itself."""
    reserved = ReservedNames()
    for logical in ("presence.org.7", "user.u1", "extension.e1"):
        for spelling in (logical, f"private-{logical}", f"presence-{logical}", f"private-cache-{logical}"):
            name = parse_channel(spelling)
            assert name is not None
            assert reserved.allow(name) == (spelling == wire_name(logical))


def test_the_board_of_the_own_organization() -> None:
    assert verdict("presence-presence.org.7") == {
        "id": "u1", "name": "Ann", "email": "ann@opbx.test", "role": "owner",
    }  # fmt: skip


@pytest.mark.parametrize(
    "wire",
    [
        "presence-presence.org.8",
        "presence.org.7",
        "private-presence.org.7",
        "private-encrypted-presence.org.7",
        "presence-cache-presence.org.7",
        "presence-presence.org.7.x",
        "presence-org.7",
        "private-user.u2",
        "presence-user.u1",
        "private-user.u1.x",
        "private-anything",
        "#server-to-user-u1",
    ],
)
def test_everything_else_is_refused(wire: str) -> None:
    assert not verdict(wire)


def test_the_own_channel() -> None:
    assert verdict("private-user.u1") is True


def test_rules_are_of_a_kind_that_is_signed() -> None:
    with pytest.raises(ValueError, match="no rule"):
        channel("lobby.{room}", kind=Kind.PUBLIC)
