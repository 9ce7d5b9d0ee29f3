"""Publishing to the channels that relays listen on."""

from collections.abc import Sequence
from dataclasses import dataclass

from redis import Redis

from opbx.backplane.keys import ChannelKeys
from opbx.backplane.records import Record, channel_event
from opbx.backplane.scripts import PUBLISH, Call, new_epoch, run
from opbx.pusher.channels import parse_channel


@dataclass(frozen=True, slots=True)
class Message:
    """One event for the subscribers of a channel. `user_id` is the member who sent it, None for a back end.

    `data` is the text that clients get as the event's `data` (JSON for the events of this product).
    `sequence` is the outbox's number, None for what does not come from the outbox.
    `except_socket` is a socket id that must not get the event. `committed` is when an event of the outbox was
    committed, in Unix milliseconds, and `trail` what led to it.
    """

    event: str
    data: str
    sequence: int | None = None
    except_socket: str = ""
    user_id: str | None = None
    committed: int | None = None
    trail: str = ""


#: A channel's name on the wire, and what is to be published on it, in order.
Batch = tuple[str, Sequence[Message]]


def publish_call(app_id: str, channel: str, messages: Sequence[Message], *, cache: bool = False) -> Call:
    """The script call that publishes `messages` on `channel` in one step; it answers how many were new.

    `cache` keeps the last of them for those who subscribe later.
    """
    keys = ChannelKeys(app_id, channel)
    arguments: list[str | bytes | int] = [keys.topic, new_epoch(), int(cache)]
    for message in messages:
        text = channel_event(message.event, channel, message.data, user_id=message.user_id)
        record = Record(text, message.except_socket, message.sequence, message.committed, message.trail)
        arguments += ["" if message.sequence is None else message.sequence, record.encode()]
    return Call(PUBLISH, (keys.head, keys.log, keys.cache), tuple(arguments))


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
        (fresh,) = self.publish_all([(channel, messages)]) if messages else (0,)
        return fresh

    def publish_all(self, batches: Sequence[Batch]) -> list[int]:
        """The same for several channels in one round trip; each is a step of its own."""
        return [int(fresh) for fresh in run(self._redis, [self._call(*batch) for batch in batches])]

    def _call(self, channel: str, messages: Sequence[Message]) -> Call:
        name = parse_channel(channel)
        return publish_call(self._app_id, channel, messages, cache=name is not None and name.cache)
