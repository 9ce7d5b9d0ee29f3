"""Whether and when a failed request is made again: a decision, which the task then carries out.

It is not the deliveries' policy (`broadcasting/retry.py`): that one counts tries of errors that may pass, and has a
sweeper behind it. Here every failure may pass, time is what runs out, and nobody comes after.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Again:
    """Try again after so many seconds. `tried`: an attempt was made, and failed."""

    after: float
    tried: bool = False


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The time is over. `tried`: an attempt was made, and failed."""

    reason: str
    tried: bool = False


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long a failing endpoint rests, and whether a batch outlasts that. Times in seconds.

    The longest rest is below the queue's visibility timeout, and short enough for several tries within the budget.
    """

    budget: float = 300.0
    first_rest: float = 1.0
    longest_rest: float = 30.0
    jitter: Callable[[float, float], float] = random.uniform

    def rest(self, failures: int) -> float:
        """For an endpoint that failed so many times in a row. The jitter keeps apart what failed together."""
        rest: float = min(self.first_rest * 2 ** min(failures - 1, 16), self.longest_rest)
        return rest * self.jitter(0.5, 1.0)

    def decide(self, wait: float, age: float) -> Again | GiveUp:
        """For a batch of a certain age that can't be sent for another `wait`; the jitter spreads those that wait."""
        after = min(wait, self.longest_rest) + self.jitter(0.05, 0.5)
        if age + after > self.budget:
            return GiveUp(f"not accepted within {self.budget:g} s")
        return Again(after)
