"""Taking events from the queue: what is settled becomes batches, which are queued to be sent, and is forgotten."""

import time
from collections.abc import Callable, Iterable
from secrets import token_hex
from typing import Final

import structlog
from redis import Redis

from opbx.apps import App
from opbx.backplane import hooks
from opbx.backplane.hooks import Entry, Turns
from opbx.webhooks.batches import Batch, batches, fitting, urls
from opbx.webhooks.hold import Settled, settle

log = structlog.get_logger()

#: Entries read at first; where all of these are held, twice as many, and so on.
_WINDOW: Final = 2000

#: Seconds for which an app is one dispatcher's alone. Longer than taking a window lasts.
_TURN: Final = 20.0

#: Seconds for which an endpoint is kept for the batch that was queued for it, until a worker takes it up.
_QUEUED: Final = 30.0


class Dispatcher:
    """Takes what is ready, of one app after the other. `send` queues a batch; it raises where it cannot.

    Two dispatchers at once do not queue an event twice: an app is one dispatcher's alone while it holds the
    app's turn. An event is removed after its batches were queued, so one that dies in between leaves it to be
    told twice rather than never.

    An app whose endpoint is still busy with its last batch is passed over: its events stay in the queue, go in
    larger batches later, and in order.
    """

    def __init__(self, redis: Redis, send: Callable[[Batch], object], clock: Callable[[], float] = time.time) -> None:
        self._redis = redis
        self._send = send
        self._clock = clock

    def dispatch(self, apps: Iterable[App]) -> int:
        """Take once from each of the apps; returns how many batches were queued."""
        by_id = {app.id: app for app in apps if app.webhooks}
        waiting = hooks.waiting(self._redis, list(by_id))
        for app_id in [app_id for app_id, count in waiting.items() if count >= hooks.MOST]:
            log.error("too many webhook events wait, the oldest are lost", app=app_id)
        return sum(self._take(by_id[app_id]) for app_id in waiting)

    def _take(self, app: App) -> int:
        turns, me = Turns(self._redis, app.id), token_hex(8)
        if turns.claim("", me, _TURN):
            return 0
        try:
            return 0 if turns.taken(urls(app)) else self._pass_on(app, turns)
        finally:
            turns.release("", me)

    def _pass_on(self, app: App, turns: Turns) -> int:
        settled = self._settled(app.id)
        due = fitting(settled.ready)
        returned = self._returned(app.id, [entry for entry in due if entry.id in settled.absent])
        found = batches(app, [entry for entry in due if entry.id not in returned], int(self._clock() * 1000))
        for batch in found:
            self._queue(batch, turns)
        hooks.remove(self._redis, app.id, [*due, *settled.dropped])
        return len(found)

    def _queue(self, batch: Batch, turns: Turns) -> None:
        turns.claim(batch.url, batch.id, _QUEUED)  # an endpoint that rests keeps resting: the batch will wait for it
        try:
            self._send(batch)
        except BaseException:
            turns.release(batch.url, batch.id)
            raise

    def _settled(self, app_id: str) -> Settled:
        """What is settled among the oldest entries: of as many as it takes to find something, if there is any."""
        now = hooks.now_ms(self._redis, app_id)
        entries: list[Entry] = []
        while True:
            count = max(_WINDOW, len(entries))
            more = hooks.read(self._redis, app_id, count, after=entries[-1] if entries else None)
            entries += more
            if len(more) < count:
                return settle(entries, now)
            settled = settle(entries, min(now, entries[-1].time_ms))  # what follows later is not known
            if settled:
                return settled

    def _returned(self, app_id: str, absences: list[Entry]) -> set[str]:
        """The absences whose subject is there all the same.

        Relays queue what they saw each by itself, so that a return to one may be queued before the absence that
        another one saw. The channel itself has the last word.
        """
        there = hooks.present(self._redis, app_id, absences)
        return {entry.id for entry, is_there in zip(absences, there, strict=True) if is_there}
