"""Delivery: publishes what the outbox holds of a channel, in order, one deliverer a channel at a time.

The rules that keep it right, whoever is killed, frozen or late:

1. Who delivers holds the channel's lease, claimed by one conditional UPDATE. A dead deliverer's lease expires.
2. The cursor is moved only by the lease's holder (fencing), only after publishing, and released in the same
   step. Killed in between, the events are published again, and the backplane refuses them, for it knows
   the last sequence that it has published.
3. Whoever finds the lease taken goes away; so whoever releases it looks once more, after the release has
   committed, for what was committed meanwhile.
"""

import time
from collections.abc import Sequence

import orjson
import structlog
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from opbx import tracing, trail
from opbx.backplane.publisher import Message
from opbx.broadcasting.channels import NoChannelRule, wire_name
from opbx.broadcasting.cursors import Cursors, Lease, LeaseLost, Pending
from opbx.broadcasting.publisher import Publishes
from opbx.metrics.delivery import DELIVERY
from opbx.metrics.instruments import EVENTS_FAILED, EVENTS_REPEATED

log = structlog.get_logger()

#: Events published in one step.
BATCH = 200

#: After so many batches a flooded channel goes back into the queue, behind the others that wait there.
MAX_BATCHES = 10


class Unpublishable(Exception):
    """An event that can never be published; the message says why. Permanent."""


class EventsMissing(Exception):
    """The head is beyond the cursor, and no event is there: somebody removed undelivered ones. Permanent."""


class Deliverer:
    """Delivers channels. Any number of them may run, in threads, processes and machines."""

    def __init__(self, cursors: Cursors, publisher: Publishes, *, max_payload: int) -> None:
        """`max_payload` is the size in bytes above which a relay takes no event."""
        self._cursors = cursors
        self._publisher = publisher
        self._max_payload = max_payload

    def deliver(self, channel: str) -> bool:
        """Publish what waits on `channel`. Returns whether to come again, because there was much.

        Raises what the database or the publisher raised; nothing is lost then, and the lease is released
        as far as the database allows.
        """
        left = MAX_BATCHES
        with self._cursors.open() as connection:
            while left > 0:
                lease = self._cursors.claim(connection, channel)
                if lease is None:
                    return False  # nothing waits; or somebody delivers, and will look again after the release
                try:
                    left -= self._drain(connection, lease, left)
                except LeaseLost:
                    log.warning("a deliverer was overtaken", channel=channel)
                    return False
                except BaseException:
                    self._give_up(connection, lease)
                    raise
                # The lost wake-up: an event committed after our last read, whose own deliverer found our
                # lease and went away. Only a look after the release has committed is sure to see it: from
                # then on that deliverer would have got the lease.
                if not self._cursors.behind(connection, channel):
                    return False
        return True

    def _drain(self, connection: Connection, lease: Lease, batches: int) -> int:
        """Publish batch after batch until none is left or `batches` are done, and release; return how many."""
        cursor = lease.sequence
        for done in range(1, batches + 1):
            pending = self._cursors.read(connection, lease.channel, cursor, BATCH)
            if not pending and cursor == lease.sequence:
                raise EventsMissing(lease.channel)  # or the look after the release would find them for ever
            _measure("taken", pending)
            with tracing.span("publish", channel=lease.channel, events=len(pending)):
                failures = self._publish(lease.channel, pending)
            if failures:
                EVENTS_FAILED.inc(len(failures))
                log.error("events can never be published", channel=lease.channel, failures=failures)
                self._cursors.fail(connection, failures)
            cursor = pending[-1].sequence if pending else cursor
            last = len(pending) < BATCH or done == batches
            self._cursors.advance(connection, lease, cursor, release=last)
            if last:
                break
        return done

    def _publish(self, channel: str, pending: Sequence[Pending]) -> dict[int, str]:
        """Publish in one step what can be published; return, by row id, why the rest cannot."""
        try:
            wire = wire_name(channel)
        except NoChannelRule as error:  # the rule was removed after the event was stored
            return {row.id: str(error) for row in pending}
        messages: list[Message] = []
        path = trail.current()
        failures: dict[int, str] = {}
        for row in pending:
            try:
                messages.append(self._message(row, path))
            except Unpublishable as error:
                failures[row.id] = str(error)
        if messages:
            fresh = self._publisher.publish(wire, messages)
            log.debug("published", channel=channel, first=messages[0].sequence, last=messages[-1].sequence)
            _measure("published", pending)
            if fresh < len(messages):
                EVENTS_REPEATED.inc(len(messages) - fresh)
                # after a crash, or when the database is older than Redis (restored from a backup)
                log.warning("events had been published before", channel=channel, count=len(messages) - fresh)
        return failures

    def _message(self, row: Pending, path: str) -> Message:
        # The sequence goes into the data: an unmodified client keeps nothing else of a message.
        data = orjson.dumps({**row.payload, "sequence": row.sequence})
        if len(data) > self._max_payload:
            raise Unpublishable(f"{len(data)} bytes of data, more than the {self._max_payload} that a relay takes")
        committed = int(row.created_at.timestamp() * 1000)
        return Message(row.name, data.decode(), row.sequence, committed=committed, trail=path)

    def _give_up(self, connection: Connection, lease: Lease) -> None:
        """Release without moving, so that the retry need not wait for the lease to expire."""
        try:
            self._cursors.release(connection, lease)
        except SQLAlchemyError as error:
            log.warning("a lease was left to expire", channel=lease.channel, error=repr(error))


def _measure(stage: str, events: Sequence[Pending]) -> None:
    """Note how long after their commit the events have come to `stage`."""
    now, histogram = time.time(), DELIVERY.labels(stage)
    for row in events:
        histogram.observe(max(now - row.created_at.timestamp(), 0.0))
