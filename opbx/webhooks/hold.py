"""The hold: that somebody left is told only when they stay away. Pure; the clock is the one that stamped the events."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from opbx.backplane.hooks import Entry

#: Milliseconds that an absence must last to be told.
HOLD: Final = 3000

_ABSENCES: Final = frozenset({"channel_vacated", "member_removed"})
_RETURNS: Final = frozenset({"channel_occupied", "member_added"})


@dataclass(frozen=True, slots=True)
class Settled:
    """What may go now, in order, and what is not to be told. The rest waits.

    `absent` are the ids of absences whose subject is not heard of again in what was looked at.
    """

    ready: list[Entry]
    dropped: list[Entry]
    absent: set[str]

    def __bool__(self) -> bool:
        return bool(self.ready or self.dropped)


def settle(entries: Sequence[Entry], now: int) -> Settled:
    """Decide about an app's events, given oldest first; all that happened before `now` (ms) must be among them.

    An absence is held for `HOLD` and dropped together with the return that undoes it within that time. What
    follows a held event on the same channel waits with it, so the order of a channel is kept; no event waits
    longer than its own `HOLD`, and other channels do not wait at all.
    """
    absent, dropped = _undo(entries)
    ready: list[Entry] = []
    blocked: set[str] = set()
    for entry in entries:
        if entry.id in dropped:
            continue
        if entry.name in _ABSENCES and now <= entry.time_ms + HOLD:
            blocked.add(entry.channel)
        if entry.channel not in blocked:
            ready.append(entry)
    return Settled(ready, [entry for entry in entries if entry.id in dropped], absent)


def _undo(entries: Sequence[Entry]) -> tuple[set[str], set[str]]:
    """The ids of absences that nothing follows, and of what is dropped."""
    absences: dict[tuple[str, str], Entry] = {}
    dropped: set[str] = set()
    for entry in entries:
        subject = (entry.channel, entry.user_id)
        if entry.name in _ABSENCES:
            if subject in absences:
                dropped.add(entry.id)  # it was gone already
            else:
                absences[subject] = entry
        elif entry.name in _RETURNS:
            absence = absences.pop(subject, None)
            if absence is not None and entry.time_ms - absence.time_ms <= HOLD:
                dropped |= {absence.id, entry.id}
    return {entry.id for entry in absences.values()}, dropped
