"""Secrets at rest: sealed under one key, opened by all that are set, and changed over without a gap."""

from dataclasses import replace

import pytest

from opbx import create_app
from opbx.identity.sealing import Seal, UnreadableSecretError, create_seal
from opbx.settings import PusherSettings, Settings, SettingsError

KEY = "0123456789abcdef0123456789abcdef"


def test_what_is_sealed_is_opened_and_looks_like_nothing() -> None:
    seal = Seal([KEY])
    sealed = seal.seal("secret of Ann, ünïcode")
    assert "secret" not in sealed
    assert seal.open(sealed) == "secret of Ann, ünïcode"
    assert seal.seal("secret") != seal.seal("secret")  # equal secrets cannot be told


def test_keys_are_changed_over() -> None:
    old = Seal(["old"]).seal("secret")
    both = Seal(["new", "old"])
    assert both.open(old) == "secret"
    assert Seal(["new"]).open(both.reseal(old)) == "secret"
    with pytest.raises(UnreadableSecretError):
        Seal(["new"]).open(old)


@pytest.mark.parametrize("damage", [lambda text: text[:-5], lambda text: text[::-1], lambda _: ""])
def test_what_was_tampered_with_is_not_opened(damage: object) -> None:
    seal = Seal([KEY])
    assert callable(damage)
    with pytest.raises(UnreadableSecretError):
        seal.open(damage(seal.seal("secret")))


@pytest.mark.parametrize("keys", [("development-only",), (KEY, "changeme"), ("short",), ("",)])
def test_production_refuses_keys_that_can_be_guessed(settings: Settings, keys: tuple[str, ...]) -> None:
    safe = replace(settings, environment="production", pusher=PusherSettings(secret="random"))
    create_seal(replace(safe, secret_keys=(KEY,)))
    with pytest.raises(SettingsError, match="OPBX_SECRET_KEY"):
        create_app(replace(safe, secret_keys=keys))
