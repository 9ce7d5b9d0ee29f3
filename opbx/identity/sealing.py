"""Seals secrets that must be read again, such as those that senders sign with: who has the database alone reads none.

Sealed with Fernet (AES-128-CBC and HMAC-SHA256) under keys derived from `OPBX_SECRET_KEY`. Several keys may be set: the
first one seals, all of them open, so that a key is changed without a moment in which senders are refused.
"""

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import current_app

from opbx.settings import PLACEHOLDER_SECRETS, Settings, SettingsError

#: Shortest key that production takes, in characters: 16 random bytes in hexadecimal.
SHORTEST = 32

#: Opened secrets that a process remembers: every signed webhook asks for one.
REMEMBERED = 4096


class UnreadableSecretError(Exception):
    """A secret was sealed under a key that is not among the set ones. Transient: the operator can add it."""


class Seal:
    """Seals and opens under `keys`, texts of any form; one at least."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(_derived(key)) for key in keys])
        self.open = lru_cache(REMEMBERED)(self._open)

    def seal(self, plain: str) -> str:
        return self._fernet.encrypt(plain.encode()).decode()

    def reseal(self, sealed: str) -> str:
        """Sealed under the first key. Raises `UnreadableSecretError`."""
        return self.seal(self._open(sealed))

    def _open(self, sealed: str) -> str:
        """What was sealed. Raises `UnreadableSecretError`."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken as error:
            raise UnreadableSecretError("sealed under a key that OPBX_SECRET_KEY does not have") from error


def create_seal(settings: Settings) -> Seal:
    """The seal of these settings. Raises `SettingsError` in production for keys that anybody could guess."""
    for key in settings.secret_keys:
        weak = key in PLACEHOLDER_SECRETS or len(key) < SHORTEST
        if settings.environment == "production" and weak:
            raise SettingsError(
                f"OPBX_SECRET_KEY is a placeholder or shorter than {SHORTEST} characters: "
                "set it to a random value (openssl rand -hex 32), and keep it as long as the database"
            )
    return Seal(settings.secret_keys)


def current_seal() -> Seal:
    """The seal of the application at work."""
    seal: Seal = current_app.extensions["opbx_seal"]
    return seal


def _derived(key: str) -> bytes:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"opbx sealed column").derive(key.encode())
    return urlsafe_b64encode(derived)
