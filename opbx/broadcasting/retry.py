"""Whether and when a failed delivery is tried again: a decision, which the task then carries out."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from redis import RedisError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout


@dataclass(frozen=True, slots=True)
class Again:
    """Try again after so many seconds."""

    after: float


@dataclass(frozen=True, slots=True)
class Leave:
    """Leave it to the sweeper, which comes for ever."""

    reason: str


PERMANENT = "permanent"
EXHAUSTED = "tries exhausted"

Decision = Again | Leave


def is_transient(error: BaseException) -> bool:
    """Whether the same delivery may work later: Redis or the database was away, or too busy to answer."""
    if isinstance(error, RedisError | OperationalError | InterfaceError | PoolTimeout):
        return True
    return isinstance(error, DBAPIError) and error.connection_invalidated


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """So many tries in all, and an exponentially growing, jittered wait between them. Times in seconds.

    The jitter keeps the channels that failed together, with Redis, from coming back together.
    """

    tries: int
    first_wait: float = 0.5
    longest_wait: float = 10.0
    jitter: Callable[[float, float], float] = random.uniform

    def decide(self, error: BaseException, tried: int) -> Decision:
        """What to do after the `tried`-th try (counted from 1) ended in `error`."""
        if not is_transient(error):
            return Leave(PERMANENT)
        if tried >= self.tries:
            return Leave(EXHAUSTED)
        wait = min(self.first_wait * 2 ** (tried - 1), self.longest_wait)
        return Again(wait * self.jitter(0.5, 1.0))
