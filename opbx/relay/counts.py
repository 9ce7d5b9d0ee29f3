"""What this node reports of itself to the backplane: its subscribers by channel, its connections by app.

Reports are absolute and gathered: however fast things change, each channel has at most one report under way, and
the next one tells where things stand by then.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import gevent

from opbx.apps import App
from opbx.backplane.keys import ChannelKeys, app_keys
from opbx.backplane.occupancy import admit_call, occupy_call, read_occupied
from opbx.backplane.presence import enrol_call, is_internal, withdraw_call
from opbx.pusher.messages import subscription_count
from opbx.relay.frames import text_frame
from opbx.relay.hooks import Hooks
from opbx.relay.ledger import Ledger

if TYPE_CHECKING:
    from opbx.relay.connection import Connection

#: Seconds after which a count that was held back is reported again.
_TELL_AGAIN = 5.0

#: Seconds for which a newcomer waits for the backplane's consent.
_PATIENCE = 0.5


@dataclass(slots=True)
class _Report:
    """`changed` asks for another report after the one under way; `enrolled`: a reaper would find the channel."""

    under_way: bool = False
    changed: bool = False
    enrolled: bool = False
    total: int = 0


class Occupancy:
    """Reports how many subscribers each channel has here. `count` tells it, 0 for a channel that is gone."""

    def __init__(self, ledger: Ledger, hooks: Hooks, name: Callable[[], str], count: Callable[[str], int]) -> None:
        self._ledger = ledger
        self._hooks = hooks
        self._name = name
        self._count = count
        self._reports: dict[str, _Report] = {}

    def changed(self, app: App, keys: ChannelKeys) -> None:
        """The channel's subscribers have changed."""
        if is_internal(keys.channel):
            return
        report = self._reports.setdefault(keys.topic, _Report())
        if report.under_way:
            report.changed = True
        else:
            self._report(app, keys, report)

    def greeting(self, app: App, keys: ChannelKeys) -> bytes | None:
        """How many subscribers there are, for the first ones here: that was published before they could hear it."""
        report = self._reports.get(keys.topic)
        if report is None or not _is_counted(app, keys):
            return None
        before, after = subscription_count(keys.channel)
        return text_frame(before + str(report.total).encode() + after)

    def restart(self) -> None:
        """Nothing that was reported counts any more: the node has a new name."""
        for report in self._reports.values():
            report.enrolled = False

    def _report(self, app: App, keys: ChannelKeys, report: _Report) -> None:
        report.under_way, report.changed = True, False
        node, count = self._name(), self._count(keys.topic)
        if count and not report.enrolled:
            report.enrolled = True
            self._ledger.submit(enrol_call(keys, node))
        self._ledger.submit(
            occupy_call(keys, node, count, tell=_is_counted(app, keys)),
            lambda answer: self._reported(app, keys, report, answer),
        )
        if not count:
            report.enrolled = False
            self._ledger.submit(withdraw_call(keys, node))

    def _reported(self, app: App, keys: ChannelKeys, report: _Report, answer: Any) -> None:
        report.under_way = False
        if answer is not None:
            occupied = read_occupied(answer)
            report.total = occupied.after
            if not occupied.before and occupied.after:
                self._hooks.tell(app, "channel_occupied", keys.channel)
            elif occupied.before and not occupied.after:
                self._hooks.tell(app, "channel_vacated", keys.channel)
            if _is_counted(app, keys) and occupied.before != occupied.after:
                self._hooks.tell(app, "subscription_count", keys.channel, subscription_count=occupied.after)
            if occupied.tell_later:
                gevent.spawn_later(_TELL_AGAIN, self.changed, app, keys)
        if report.changed:
            self._report(app, keys, report)
        elif not self._count(keys.topic):
            self._reports.pop(keys.topic, None)


def _is_counted(app: App, keys: ChannelKeys) -> bool:
    return app.subscription_count and not keys.channel.startswith("presence-")


@dataclass(slots=True)
class _Doorway:
    """An app's connections here: those inside, those that the backplane is asked for, those that wait to be."""

    inside: int = 0
    asking: "list[Connection]" = field(default_factory=list)
    waiting: "list[Connection]" = field(default_factory=list)
    under_way: bool = False
    changed: bool = False
    enrolled: bool = False


class Admission:
    """Lets connections in, no more over all nodes than their app may have."""

    def __init__(
        self,
        ledger: Ledger,
        name: Callable[[], str],
        admitted: "Callable[[Connection], None]",
        refused: "Callable[[Connection], None]",
    ) -> None:
        self._ledger = ledger
        self._name = name
        self._admitted = admitted
        self._refused = refused
        self._doorways: dict[str, _Doorway] = {}

    def ask(self, connection: "Connection", *, alone: bool) -> None:
        """Admit the connection as soon as the backplane agrees; `alone`, while it is away, by this node's count."""
        doorway = self._doorways.setdefault(connection.app.id, _Doorway())
        if alone:
            self._enter_alone(connection, doorway)
            return
        doorway.waiting.append(connection)
        self._report(connection.app, doorway)

    def hurry(self) -> None:
        """Let in by this node's own count who has waited too long for a backplane that hangs. Called once a second."""
        before = time.monotonic() - _PATIENCE
        for doorway in self._doorways.values():
            late = [c for c in (*doorway.asking, *doorway.waiting) if c.seen < before]
            if late:
                doorway.asking = [c for c in doorway.asking if c not in late]
                doorway.waiting = [c for c in doorway.waiting if c not in late]
            for connection in late:
                self._enter_alone(connection, doorway)

    def gone(self, app: App) -> None:
        """An admitted connection has ended."""
        doorway = self._doorways[app.id]
        doorway.inside -= 1
        doorway.changed = True
        self._report(app, doorway)

    def restart(self, apps: Callable[[str], App | None]) -> None:
        """Count everybody under the node's new name."""
        for app_id, doorway in self._doorways.items():
            app = apps(app_id)
            doorway.enrolled, doorway.changed = False, True
            if app is not None:
                self._report(app, doorway)

    def _report(self, app: App, doorway: _Doorway) -> None:
        if doorway.under_way or not (doorway.waiting or doorway.changed):
            return
        doorway.under_way, doorway.changed = True, False
        asked = doorway.asking = doorway.waiting
        doorway.waiting = []
        if not doorway.enrolled:
            doorway.enrolled = True
            self._ledger.submit(enrol_call(app_keys(app.id), self._name()))

        def answered(answer: Any) -> None:
            doorway.under_way = False
            granted = int(answer) if answer is not None else len(asked)
            asking, doorway.asking = doorway.asking, []
            for number, connection in enumerate(asking):
                self._enter(connection, doorway, number < granted)
            self._report(app, doorway)

        call = admit_call(app.id, self._name(), doorway.inside, len(asked), app.max_connections)
        self._ledger.submit(call, answered)

    def _enter_alone(self, connection: "Connection", doorway: _Doorway) -> None:
        most = connection.app.max_connections
        self._enter(connection, doorway, most < 0 or doorway.inside < most)
        doorway.changed = True

    def _enter(self, connection: "Connection", doorway: _Doorway, granted: bool) -> None:
        if not connection.is_open:
            doorway.changed = doorway.changed or granted  # it left while it waited: its place is free again
        elif granted:
            doorway.inside += 1
            self._admitted(connection)
        else:
            self._refused(connection)
