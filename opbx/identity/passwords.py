"""Password hashing with argon2id, off the event loop where there is one."""

import sys
from collections.abc import Callable
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

T = TypeVar("T")

#: OWASP's second recommendation: 19 MiB, two passes, one lane; about 40 ms.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def hash_password(password: str) -> str:
    """The encoded hash to store."""
    return _off_loop(lambda: _hasher.hash(password))


def matches(password_hash: str | None, password: str) -> bool:
    """Whether the password is the hashed one. Takes the same time when there is no hash to compare with."""
    if password_hash is None:
        hash_password(password)
        return False
    try:
        return _off_loop(lambda: _hasher.verify(password_hash, password))
    except (VerificationError, InvalidHashError):
        return False


def _off_loop(work: Callable[[], T]) -> T:
    """Run the work in gevent's thread pool when gevent rules this process: argon2 would hold up everybody."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("threading"):
        return work()
    import gevent  # noqa: PLC0415 - only where gevent is at work already

    result: T = gevent.get_hub().threadpool.apply(work)
    return result
