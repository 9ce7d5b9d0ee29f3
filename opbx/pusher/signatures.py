"""HMAC-SHA256 signatures: of subscriptions, sign-ins, HTTP API calls and webhooks.

Source: the protocol's sections "Channels", "HTTP API" and "Webhooks out".
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping


def sign(secret: str, text: str | bytes) -> str:
    """Hexadecimal HMAC-SHA256 of `text`."""
    message = text.encode() if isinstance(text, str) else text
    return hmac.digest(secret.encode(), message, "sha256").hex()


def holds(given: str, expected: Callable[[str], str], secrets: Iterable[str]) -> bool:
    """Whether `given` is what is `expected` under one of the secrets: one that is being replaced counts as well."""
    return any(matches(expected(secret), given) for secret in secrets)


def matches(expected: str, given: str) -> bool:
    """Compare in constant time; `given` may be anything a stranger sent."""
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogatepass"))


def subscription_auth(key: str, secret: str, socket_id: str, channel: str, channel_data: str | None = None) -> str:
    """The `auth` value for a private, encrypted or presence subscription: `key:signature`."""
    text = f"{socket_id}:{channel}" if channel_data is None else f"{socket_id}:{channel}:{channel_data}"
    return f"{key}:{sign(secret, text)}"


def signin_auth(key: str, secret: str, socket_id: str, user_data: str) -> str:
    """The `auth` value of `pusher:signin`."""
    return f"{key}:{sign(secret, f'{socket_id}::user::{user_data}')}"


def request_signature(secret: str, method: str, path: str, query: Mapping[str, str]) -> str:
    """The `auth_signature` of an HTTP API call; `query` is all parameters but `auth_signature`, not URL-encoded."""
    pairs = sorted((name.lower(), value) for name, value in query.items() if name.lower() != "auth_signature")
    parameters = "&".join(f"{name}={value}" for name, value in pairs)
    return sign(secret, f"{method.upper()}\n{path}\n{parameters}")


def body_digest(body: bytes) -> str:
    """The `body_md5` of an HTTP API call: a checksum that the signature covers, not a protection by itself."""
    return hashlib.md5(body, usedforsecurity=False).hexdigest()
