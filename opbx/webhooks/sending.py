"""Sending a batch: one try at most, and what is to happen next."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Final, Protocol

import structlog
from redis import Redis, RedisError

from opbx.apps import App, Apps
from opbx.backplane.hooks import Turns
from opbx.pusher.signatures import sign
from opbx.webhooks.batches import Batch, shown, urls
from opbx.webhooks.post import TOTAL, NotAccepted, post
from opbx.webhooks.retry import Again, Backoff, GiveUp

log = structlog.get_logger()

#: Seconds for which an endpoint is kept for the batch that is being sent.
_TURN: Final = TOTAL + 5.0

#: Seconds until a batch asks again for a free thread.
_SOON: Final = 0.5

#: Requests that a process makes at once. Below the number of its threads, which have other work to do as well.
AT_ONCE: Final = 4


class Post(Protocol):
    """Raises `NotAccepted`."""

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> None: ...


@dataclass(frozen=True, slots=True)
class Sent:
    """The endpoint has accepted the batch."""


Outcome = Sent | Again | GiveUp


class Sender:
    """Sends batches, one at a time to each endpoint, over all workers.

    No endpoint holds up another one. One that fails rests, growingly long, for all of its batches together: a
    dead one costs one request a while, of bounded length. And all of them together never get more than `AT_ONCE`
    threads of a process; a batch that finds none free comes back in a moment, as a task that waits in the queue.
    """

    def __init__(
        self,
        redis: Redis,
        apps: Apps,
        *,
        backoff: Backoff | None = None,
        post: Post = post,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._redis = redis
        self._apps = apps
        self._backoff = backoff or Backoff()
        self._post = post
        self._clock = clock
        self._free = BoundedSemaphore(AT_ONCE)

    def send(self, batch: Batch) -> Outcome:
        """Try once, unless the endpoint rests or is busy. Does not raise."""
        app = self._apps.by_id(batch.app_id)
        if app is None or batch.url not in urls(app):
            return GiveUp("the app has no such webhook any more")
        if not self._free.acquire(blocking=False):
            return self._later(batch, _SOON)
        try:
            return self._send(app, batch)
        except RedisError as error:
            log.warning("webhook waits for Redis", app=app.id, url=shown(batch.url), error=repr(error))
            return self._later(batch, self._backoff.longest_rest)
        finally:
            self._free.release()

    def _send(self, app: App, batch: Batch) -> Outcome:
        turns = Turns(self._redis, app.id)
        busy = turns.claim(batch.url, batch.id, _TURN)
        if busy:
            return self._later(batch, busy)
        body = batch.body.encode()
        try:
            self._post(batch.url, body, _headers(app, batch.url, body))
        except NotAccepted as error:
            failures = turns.failed(batch.url)
            rest = self._backoff.rest(failures)
            turns.rest(batch.url, rest)
            log.warning("webhook not accepted", app=app.id, url=shown(batch.url), failures=failures, error=str(error))
            return _failed(self._later(batch, rest), error)
        with suppress(RedisError):  # the turn ends by itself, and what was accepted is not sent again
            turns.worked(batch.url)
            turns.release(batch.url, batch.id)
        return Sent()

    def _later(self, batch: Batch, wait: float) -> Again | GiveUp:
        return self._backoff.decide(wait, max(self._clock() - batch.time_ms / 1000, 0.0))


def _failed(outcome: Again | GiveUp, error: NotAccepted) -> Outcome:
    """The outcome of an attempt that was made."""
    if isinstance(outcome, GiveUp):
        return GiveUp(f"{outcome.reason}; the last time: {error}", tried=True)
    return Again(outcome.after, tried=True)


def _headers(app: App, url: str, body: bytes) -> dict[str, str]:
    """Those of the webhooks of this URL, and above them those of the protocol."""
    own = {name.title(): value for hook in app.webhooks if hook.url == url for name, value in hook.headers}
    return own | {
        "Content-Type": "application/json",
        "X-Pusher-Key": app.key,
        "X-Pusher-Signature": sign(app.secret, body),
    }
