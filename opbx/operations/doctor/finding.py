"""What the doctor finds."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"  # works, but somebody should look at it
    ERROR = "error"  # something does not work


@dataclass(frozen=True, slots=True)
class Finding:
    """One look at one thing. `remedy` is what to do, empty where all is well."""

    check: str
    level: Level
    message: str
    remedy: str = ""


def well(check: str, message: str) -> Finding:
    return Finding(check, Level.OK, message)


def warning(check: str, message: str, remedy: str) -> Finding:
    return Finding(check, Level.WARNING, message, remedy)


def error(check: str, message: str, remedy: str) -> Finding:
    return Finding(check, Level.ERROR, message, remedy)


#: Looks at one thing, and yields what it finds. What it raises is a finding as well.
Check = Callable[[], Iterable[Finding]]
