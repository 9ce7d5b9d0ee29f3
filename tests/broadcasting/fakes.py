"""Events to broadcast, a publisher that remembers and fails on demand, and a clock that is set by hand."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from marshmallow import Schema, fields

from opbx.backplane.publisher import Batch, Message
from opbx.broadcasting.events import Event
from opbx.broadcasting.outbox import broadcast
from opbx.database import utcnow
from opbx.pipeline import Transactions
from opbx.pusher.messages import RESYNC


class NoteSchema(Schema):
    text = fields.String(required=True)


@dataclass(frozen=True)
class Note(Event):
    name: ClassVar[str] = "note.written"
    schema: ClassVar[type[Schema]] = NoteSchema

    text: str = "hello"
    organization: str = "7"

    def channel(self) -> str:
        return f"presence.org.{self.organization}"

    def payload(self) -> Mapping[str, Any]:
        return {"text": self.text}


def write(transactions: Transactions, organization: str, count: int) -> None:
    """Commit so many notes."""
    for done in range(0, count, 500):
        with transactions.begin() as transaction:
            for _ in range(min(count - done, 500)):
                broadcast(transaction, Note("x", organization))


class FakePublisher:
    """Refuses published sequences as the backplane does. `during` runs once, within the next publish."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[Message]]] = []
        self.errors: list[Exception] = []
        self.during: Callable[[], object] | None = None
        self._newest: dict[str, int] = {}

    def publish_all(self, batches: Sequence[Batch], /) -> list[int]:
        during, self.during = self.during, None
        if during:
            during()
        if self.errors:
            raise self.errors.pop(0)
        return [self._publish(*batch) for batch in batches]

    def _publish(self, channel: str, messages: Sequence[Message]) -> int:
        fresh = [message for message in messages if (message.sequence or 0) > self._newest.get(channel, 0)]
        if fresh:
            self._newest[channel] = fresh[-1].sequence or 0
            self.calls.append((channel, fresh))
        return len(fresh)

    @property
    def sequences(self) -> list[int | None]:
        """Of the events: a resync in the place of one that cannot be published is none."""
        return [message.sequence for message in self.messages if message.event != RESYNC]

    @property
    def messages(self) -> list[Message]:
        return [message for _, messages in self.calls for message in messages]


class Clock:
    def __init__(self) -> None:
        self.now = utcnow()

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
