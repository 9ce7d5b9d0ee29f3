"""Which kind a channel name is, and which names are refused."""

import pytest

from opbx.pusher.channels import Kind, ReservedNames, parse_channel


@pytest.mark.parametrize(
    ("wire", "kind", "cache", "logical"),
    [
        ("news", Kind.PUBLIC, False, "news"),
        ("cache-news", Kind.PUBLIC, True, "news"),
        ("private-news", Kind.PRIVATE, False, "news"),
        ("private-cache-news", Kind.PRIVATE, True, "news"),
        ("private-encrypted-news", Kind.ENCRYPTED, False, "news"),
        ("private-encrypted-cache-news", Kind.ENCRYPTED, True, "news"),
        ("presence-presence.org.7", Kind.PRESENCE, False, "presence.org.7"),
        ("presence-cache-news", Kind.PRESENCE, True, "news"),
        ("#server-to-user-42", Kind.USER, False, "42"),
    ],
)
def test_kinds(wire: str, kind: Kind, cache: bool, logical: str) -> None:
    name = parse_channel(wire)
    assert name is not None
    assert (name.kind, name.cache, name.logical) == (kind, cache, logical)


@pytest.mark.parametrize("wire", ["", "a b", "ä", "a" * 201, "#private", "a\n", "a{b}", "a/b", "#server-to-user-"])
def test_what_is_no_name(wire: str) -> None:
    assert parse_channel(wire) is None


def test_the_longest_name_is_one() -> None:
    assert parse_channel("a" * 200) is not None


@pytest.mark.parametrize(
    ("wire", "allowed"),
    [
        ("presence-presence.org.7", True),
        ("presence.org.7", False),
        ("private-presence.org.7", False),
        ("cache-presence.org.7", False),
        ("presence-cache-presence.org.7", False),
        ("private-encrypted-presence.org.7", False),
        ("private-user.7", True),
        ("user.7", False),
        ("presence-user.7", False),
        ("private-extension.7", True),
        ("news", True),
    ],
)
def test_a_guarded_channel_has_one_name_on_the_wire(wire: str, allowed: bool) -> None:
    name = parse_channel(wire)
    assert name is not None
    assert ReservedNames().allow(name) is allowed
