"""What a channel has to send: frames are gathered, sealed with the subscribers of a moment, and sent in slices."""

import time
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opbx.backplane.keys import ChannelKeys
from opbx.backplane.records import Record
from opbx.relay import trails
from opbx.relay.tally import TALLY

if TYPE_CHECKING:
    from opbx.relay.connection import Connection

#: Bytes of frames that are joined into one write.
_CHUNK = 65_536


@dataclass(slots=True)
class Sealed:
    """So many messages for the subscribers of one moment; `own` is for those who must not get all of them.

    `committed` is when those of them that come from the outbox were committed (Unix milliseconds), and their trails.
    """

    frames: bytes
    messages: int
    committed: list[tuple[int, str]]
    recipients: "list[Connection]"
    own: "dict[Connection, bytes]"
    position: int = 0


class Output:
    """The output of one channel, to whoever is in `subscribers`, which its owner changes."""

    __slots__ = ("_committed", "_excluded", "_frames", "_keys", "_sealed", "_size", "_subscribers")

    def __init__(self, keys: ChannelKeys, subscribers: "Collection[Connection]") -> None:
        self._keys = keys
        self._subscribers = subscribers
        self._sealed: deque[Sealed] = deque()
        self._frames: list[bytes] = []
        self._committed: list[tuple[int, str]] = []
        self._excluded: dict[str, set[int]] = {}
        self._size = 0

    @property
    def waiting(self) -> bool:
        return bool(self._sealed or self._frames)

    def add(self, frame: bytes, record: Record | None = None) -> None:
        """One more frame for the subscribers of now, which carries `record` if it carries one."""
        if record is not None:
            if record.except_socket:
                self._excluded.setdefault(record.except_socket, set()).add(len(self._frames))
            if record.committed is not None:
                self._committed.append((record.committed, record.trail))
        self._frames.append(frame)
        self._size += len(frame)
        if self._size >= _CHUNK:
            self.seal()

    def seal(self) -> None:
        """Close the present batch: it goes to the subscribers of now, and to nobody who comes later."""
        if not self._frames:
            return
        frames, self._frames, self._size = self._frames, [], 0
        committed, self._committed = self._committed, []
        excluded, self._excluded = self._excluded, {}
        own = {
            connection: b"".join(f for i, f in enumerate(frames) if i not in excluded[connection.socket_id])
            for connection in (self._subscribers if excluded else ())
            if connection.socket_id in excluded
        }
        self._sealed.append(Sealed(b"".join(frames), len(frames), committed, list(self._subscribers), own))

    def flush(self, limit: int) -> int:
        """Send what waits to at most `limit` subscribers; return to how many."""
        if not self._sealed:
            self.seal()
            if not self._sealed:
                return 0
        batch = self._sealed[0]
        recipients = batch.recipients[batch.position : batch.position + limit]
        batch.position += len(recipients)
        subscribers, frames, own = self._subscribers, batch.frames, batch.own
        for connection in recipients:
            if connection in subscribers:  # it may have left since
                connection.send(own.get(connection, frames) if own else frames)
        traffic = TALLY.traffic[self._keys.app_id]
        traffic.messages_out += batch.messages * len(recipients)
        traffic.bytes_out += len(frames) * len(recipients)
        if batch.position >= len(batch.recipients):
            self._sealed.popleft()
            if batch.committed:
                _measure(self._keys.channel, batch.committed)
        return len(recipients)


def _measure(channel: str, committed: list[tuple[int, str]]) -> None:
    """Note how long after their commit the events have been written to everybody."""
    now = time.time()
    for moment, trail in committed:
        delay = now - moment / 1000
        TALLY.delays.add(delay)
        if trails.told:
            trails.written(channel, trail, delay)
