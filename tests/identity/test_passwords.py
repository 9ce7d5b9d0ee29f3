"""Passwords: what matches, and where the work is done."""

import subprocess
import sys

import pytest

from opbx.identity import passwords

GEVENT = """
from gevent import monkey
monkey.patch_all()
import gevent
from opbx.identity import passwords
turns = 0
def turn():
    global turns
    while True:
        turns += 1
        gevent.sleep(0.001)
gevent.spawn(turn)
hashed = passwords.hash_password("secret")
assert passwords.matches(hashed, "secret")
assert not passwords.matches(hashed, "other")
assert turns > 5, turns
"""


def test_a_password_matches_its_own_hash_alone() -> None:
    hashed = passwords.hash_password("secret")
    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.matches(hashed, "secret")
    assert not passwords.matches(hashed, "Secret")
    assert not passwords.matches("no hash", "secret")


def test_without_a_hash_the_same_work_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []
    monkeypatch.setattr(passwords, "hash_password", hashed.append)
    assert not passwords.matches(None, "secret")
    assert hashed == ["secret"]


def test_under_gevent_the_loop_goes_on() -> None:
    subprocess.run([sys.executable, "-c", GEVENT], check=True, timeout=60)
