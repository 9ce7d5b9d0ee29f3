"""Publishing to the channels that relays listen on."""

from collections.abc import Sequence
from dataclasses import dataclass

from redis import Redis


@dataclass(frozen=True, slots=True)
class Message:
    """One event for the subscribers of a channel.

    `data` is the text that clients get as the event's `data` (JSON for the events of this product).
    `sequence` is the outbox's number, None for what does not come from the outbox.
    `except_socket` is a socket id that must not get the event.
    """

    event: str
    data: str
    sequence: int | None = None
    except_socket: str = ""


class Publisher:
    """Publishes for one application. `channel` is the name on the wire, `presence-presence.org.7`."""

    def __init__(self, redis: Redis, app_id: str) -> None:
        self._redis = redis
        self._app_id = app_id

    def publish(self, channel: str, messages: Sequence[Message]) -> int:
        """Publish in order, in one step; return how many were new.

        A message whose sequence was published before is left out: a retry after a crash publishes
        nothing twice. Raises `redis.RedisError` when Redis is away; then nothing is known of the outcome,
        and publishing the same messages again is right.
        """
        raise NotImplementedError
