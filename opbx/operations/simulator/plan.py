"""What will happen in one simulated call, and when, before anybody is told of it."""

from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random
from uuid import UUID


class Outcome(StrEnum):
    ANSWERED = "answered"
    BUSY = "busy"
    MISSED = "missed"  # rang until the sender gave up
    ABANDONED = "abandoned"  # the caller gave up


#: Begins the id of every simulated call, so that what a simulation left behind is known again.
CALL_ID_PREFIX = "sim-"

#: How often each outcome comes, in percent.
WEIGHTS = {Outcome.ANSWERED: 65, Outcome.BUSY: 10, Outcome.MISSED: 15, Outcome.ABANDONED: 10}

#: Seconds that a call of each outcome rings, from and to.
_RINGING = {
    Outcome.ANSWERED: (2.0, 8.0),
    Outcome.BUSY: (0.5, 2.0),
    Outcome.MISSED: (15.0, 25.0),
    Outcome.ABANDONED: (3.0, 12.0),
}
_TALKING = (8.0, 60.0)

#: Seconds that a call of a simulation that is alive is silent at the longest, with some to spare for mishaps.
LONGEST_SILENCE = _TALKING[1] + 15.0


@dataclass(frozen=True, kw_only=True)
class Line:
    """Where calls of one organization go, and what its sender authenticates with."""

    domain: str
    domain_uuid: str
    numbers: tuple[str, ...]
    extensions: tuple[str, ...]
    key: str
    secret: str


@dataclass(frozen=True, kw_only=True)
class CallPlan:
    """One call. Times in seconds since the epoch; `answered` is None for a call that nobody takes."""

    line: Line
    call_id: str
    number: int
    caller: str
    callee: str
    extension: str
    outcome: Outcome
    started: float
    ringing: float
    answered: float | None
    ended: float

    @property
    def duration(self) -> int:
        """Seconds from start to end."""
        return round(self.ended - self.started)

    @property
    def talked(self) -> int:
        """Seconds from answer to end."""
        return 0 if self.answered is None else int(self.ended - self.answered)


def draw(random: Random, line: Line, started: float) -> CallPlan:
    """A call that begins at `started`."""
    outcome = random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    ringing = started + random.uniform(0.2, 0.8)
    decided = ringing + random.uniform(*_RINGING[outcome])
    answered = decided if outcome is Outcome.ANSWERED else None
    return CallPlan(
        line=line,
        call_id=CALL_ID_PREFIX + UUID(int=random.getrandbits(128), version=4).hex,
        number=random.randrange(10**6, 10**7),
        caller=f"+1{random.choice((212, 305, 415, 512, 617))}555{random.randrange(10**4):04}",
        callee=random.choice(line.numbers),
        extension=random.choice(line.extensions),
        outcome=outcome,
        started=started,
        ringing=ringing,
        answered=answered,
        ended=decided if answered is None else answered + random.uniform(*_TALKING),
    )


def cut_short(plan: CallPlan, now: float) -> CallPlan:
    """The call as it is when it ends now: one that was answered completes, another caller gives up."""
    if plan.answered is not None and plan.answered <= now:
        return replace(plan, ended=min(plan.ended, now))
    if plan.ended <= now:
        return plan
    return replace(plan, outcome=Outcome.ABANDONED, answered=None, ended=now)
