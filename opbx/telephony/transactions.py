"""Runs a whole transaction again when the database gave it up for another's sake."""

import random
import sqlite3
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, IntegrityError

from opbx.pipeline.postgresql import FORGOTTEN

Result = TypeVar("Result")

TRIES = 4
LONGEST = 6.0  #: seconds after which a sender is rather told to come again

#: Serialization failure, deadlock, and a prepared statement that the server does not know any more.
_GIVEN_UP = frozenset({"40001", "40P01", FORGOTTEN})
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


def retrying(work: Callable[[], Result]) -> Result:
    """What `work` returns; it must roll back when it raises. Raises the last try's error, which is transient."""
    started = time.monotonic()
    tried = 0
    while True:
        try:
            return work()
        except DBAPIError as error:
            tried += 1
            pause = pause_before_retry(error, tried, time.monotonic() - started)
            if pause is None:
                raise
        time.sleep(pause)


def pause_before_retry(error: DBAPIError, tried: int, elapsed: float) -> float | None:
    """Seconds to wait before the transaction is tried again; None when it is not."""
    if tried >= TRIES or elapsed >= LONGEST or not _may_succeed(error):
        return None
    return random.uniform(0.0, 0.01 * 2**tried)  # noqa: S311 - so that rivals do not meet again


def _may_succeed(error: DBAPIError) -> bool:
    if isinstance(error, IntegrityError):
        return True  # something that the call refers to was deleted at this moment
    if isinstance(error.orig, sqlite3.Error):
        return error.orig.sqlite_errorcode & 0xFF in _BUSY
    return getattr(error.orig, "sqlstate", None) in _GIVEN_UP
