"""Where delivered events go: to the relays, to the log, or nowhere, by `BROADCAST_DRIVER`."""

from collections.abc import Sequence
from typing import Protocol

import structlog

from opbx.backplane.connection import connect
from opbx.backplane.publisher import Batch, Publisher
from opbx.settings import Settings

log = structlog.get_logger()

#: Seconds to wait for an answer of Redis. With one reconnect it stays well below a deliverer's lease.
TIMEOUT = 1.0


class Publishes(Protocol):
    """What delivery needs of a publisher: in order, idempotent by sequence, returns how many of each were new."""

    def publish_all(self, batches: Sequence[Batch], /) -> list[int]: ...


class LogPublisher:
    """Writes events to the log instead, to look at them without a relay."""

    def publish_all(self, batches: Sequence[Batch], /) -> list[int]:
        for channel, messages in batches:
            for message in messages:
                log.info("broadcast", channel=channel, broadcast=message.event, data=message.data)
        return [len(messages) for _, messages in batches]


class NullPublisher:
    """Drops events: the product without its live side."""

    def publish_all(self, batches: Sequence[Batch], /) -> list[int]:
        return [len(messages) for _, messages in batches]


def open_publisher(settings: Settings) -> Publishes:
    """The publisher that the settings name."""
    match settings.broadcast_driver:
        case "log":
            return LogPublisher()
        case "null":
            return NullPublisher()
        case "pusher":
            return Publisher(connect(settings.redis_url, timeout=TIMEOUT), settings.pusher.app_id)
