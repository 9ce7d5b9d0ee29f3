"""Delivery: publishes what the outbox holds, in order, one deliverer a channel at a time.

The rules that keep it right, whoever is killed, frozen or late:

1. Who delivers holds the channel's lease, claimed by one conditional UPDATE. A dead deliverer's lease expires.
2. The cursor is moved only by the lease's holder (fencing), only after publishing, and released in the same
   step. Killed in between, the events are published again, and the backplane refuses them, for it knows
   the last sequence that it has published.
3. Whoever finds the lease taken goes away; so whoever lets go claims once more, after the release has committed, what
   was committed meanwhile. Not in the same transaction: a claim does not wait for a release that has not committed.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import orjson
import structlog
from sqlalchemy.exc import SQLAlchemyError

from opbx import tracing, trail
from opbx.backplane.publisher import Message
from opbx.broadcasting.channels import NoChannelRule, wire_name
from opbx.broadcasting.cursors import Cursors, Lease, Move, Pending
from opbx.broadcasting.publisher import Publishes
from opbx.metrics.delivery import DELIVERY
from opbx.metrics.instruments import EVENTS_FAILED, EVENTS_REPEATED
from opbx.pipeline import Pipeline
from opbx.pusher.messages import RESYNC

log = structlog.get_logger()

#: After so many steps flooded channels go back into the queue, behind the others that wait there.
MAX_STEPS = 10


class Unpublishable(Exception):
    """An event that can never be published; the message says why. Permanent."""


class EventsMissing(Exception):
    """The head is beyond the cursor, and no event is there: somebody removed undelivered ones. Permanent."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What is left to be done: channels to come back to, because there was much, and channels that are broken."""

    again: list[str] = field(default_factory=list)
    broken: dict[str, Exception] = field(default_factory=dict)


@dataclass(slots=True)
class _Step:
    """What one step publishes: of each channel that can be, its messages; and what the step finds wrong."""

    messages: dict[Lease, list[Message]] = field(default_factory=dict)
    unpublishable: dict[Lease, dict[int, str]] = field(default_factory=dict)  # by row id
    broken: dict[Lease, Exception] = field(default_factory=dict)


class Deliverer:
    """Delivers channels. Any number of them may run, in threads, processes and machines."""

    def __init__(self, cursors: Cursors, publisher: Publishes, *, max_payload: int) -> None:
        """`max_payload` is the size in bytes above which a relay takes no event."""
        self._cursors = cursors
        self._publisher = publisher
        self._max_payload = max_payload

    def deliver(self, channels: Mapping[str, str]) -> Delivered:
        """Publish what waits on `channels`, each on the trail of who woke it.

        A broken channel does not keep the others from being delivered. Raises what the database or the publisher
        raised; nothing is lost then, and the leases are released as far as the database allows.
        """
        broken: dict[str, Exception] = {}
        with self._cursors.open() as pipeline:
            leases = self._cursors.claim(pipeline, channels)
            for number in range(1, MAX_STEPS + 1):
                if not leases:  # nothing waits; or somebody delivers, and will claim again after the release
                    return Delivered(broken=broken)
                last = number == MAX_STEPS
                again = [lease.channel for lease in leases]
                leases = self._step(pipeline, leases, channels, broken, claim=not last)
        return Delivered(again=[channel for channel in again if channel not in broken], broken=broken)

    def _step(
        self,
        pipeline: Pipeline,
        leases: Sequence[Lease],
        trails: Mapping[str, str],
        broken: dict[str, Exception],
        *,
        claim: bool,
    ) -> list[Lease]:
        """Publish what `leases` hold, move their cursors and let go; the leases of what waits by then."""
        try:
            with tracing.span("publish", channels=len(leases), events=sum(len(lease.pending) for lease in leases)):
                step = self._prepare(leases, trails)
                self._publish(step)
            moves = {
                lease: Move(lease.pending[-1].sequence, step.unpublishable[lease])
                for lease in leases
                if lease not in step.broken
            }
            leases_after, overtaken = self._cursors.advance(pipeline, moves, claim=claim)
            if step.broken:
                self._cursors.release(pipeline, step.broken)
        except BaseException:
            self._give_up(pipeline, leases)
            raise
        _tell(moves, overtaken)
        broken.update({lease.channel: error for lease, error in step.broken.items()})
        return leases_after

    def _prepare(self, leases: Sequence[Lease], trails: Mapping[str, str]) -> _Step:
        step = _Step()
        for lease in leases:
            _measure("taken", lease.pending)
            try:
                unpublishable = step.unpublishable.setdefault(lease, {})
                step.messages[lease] = self._messages(lease, _path(trails[lease.channel]), unpublishable)
            except Exception as error:  # of this channel alone
                step.broken[lease] = error
        return step

    def _messages(self, lease: Lease, path: str, unpublishable: dict[int, str]) -> list[Message]:
        """What is published; what cannot be is noted in `unpublishable`, by row id, and clients load anew in its place.

        Told by the gap alone, a quiet channel's clients would be wrong until its next event.
        """
        if not lease.pending:
            raise EventsMissing(lease.channel)  # or the next claim would find them for ever
        try:
            wire_name(lease.channel)
        except NoChannelRule as error:  # the rule was removed after the event was stored
            unpublishable.update({row.id: str(error) for row in lease.pending})
            return []
        messages = []
        for row in lease.pending:
            try:
                messages.append(self._message(row, path))
            except Unpublishable as error:
                unpublishable[row.id] = str(error)
                messages.append(_sent(row, path, RESYNC, "{}"))
        return messages

    def _message(self, row: Pending, path: str) -> Message:
        # The sequence goes into the data: an unmodified client keeps nothing else of a message.
        data = orjson.dumps({**row.payload, "sequence": row.sequence})
        if len(data) > self._max_payload:
            raise Unpublishable(f"{len(data)} bytes of data, more than the {self._max_payload} that a relay takes")
        return _sent(row, path, row.name, data.decode())

    def _publish(self, step: _Step) -> None:
        """Publish in one round trip."""
        batches = [(wire_name(lease.channel), messages) for lease, messages in step.messages.items() if messages]
        if not batches:
            return
        for (channel, messages), fresh in zip(batches, self._publisher.publish_all(batches), strict=True):
            first, last = messages[0], messages[-1]
            _tell_published(channel, first, last)
            if fresh < len(messages):
                EVENTS_REPEATED.inc(len(messages) - fresh)
                # after a crash, or when the database is older than Redis (restored from a backup)
                log.warning("events had been published before", channel=channel, count=len(messages) - fresh)
        for lease in step.messages:
            _measure("published", lease.pending)

    def _give_up(self, pipeline: Pipeline, leases: Sequence[Lease]) -> None:
        """Release without moving, so that the retry need not wait for the leases to expire."""
        try:
            self._cursors.release(pipeline, leases)
        except SQLAlchemyError as error:
            log.warning("leases were left to expire", channels=[lease.channel for lease in leases], error=repr(error))


def _sent(row: Pending, path: str, event: str, data: str) -> Message:
    committed = int(row.created_at.timestamp() * 1000)
    return Message(event, data, row.sequence, committed=committed, trail=path)


def _tell_published(channel: str, first: Message, last: Message) -> None:
    # both ids of the channel's trail, and none of the task's: that may have been sent for another call
    parts = trail.split(last.trail)
    ids = {"request_id": parts.request_id, "call_id": parts.call_id}
    log.debug("published", channel=channel, first=first.sequence, last=last.sequence, **ids)


def _tell(moves: Mapping[Lease, Move], overtaken: Sequence[str]) -> None:
    """What an operator should know of cursors that were to be moved."""
    if overtaken:
        log.warning("a deliverer was overtaken", channels=overtaken)
    for lease, move in moves.items():
        if move.failures and lease.channel not in overtaken:
            EVENTS_FAILED.inc(len(move.failures))
            log.error("events can never be published", channel=lease.channel, failures=move.failures)


def _path(woken_by: str) -> str:
    """The trail of a channel's messages: it leads through this task where that is of the same request."""
    here = trail.current()
    return here if trail.split(here).request_id == trail.split(woken_by).request_id else woken_by


def _measure(stage: str, events: Iterable[Pending]) -> None:
    """Note how long after their commit the events have come to `stage`."""
    now, histogram = time.time(), DELIVERY.labels(stage)
    for row in events:
        histogram.observe(max(now - row.created_at.timestamp(), 0.0))
