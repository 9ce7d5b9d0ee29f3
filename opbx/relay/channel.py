"""One channel on this node: its subscribers, and its place in the stream of messages.

Messages come with consecutive offsets. A gap is never passed over: what is missing is asked for, and what came
after it waits. Output is sealed with the subscribers of a moment, so that whoever joins later gets exactly what
followed its join.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opbx.backplane.history import Since
from opbx.backplane.keys import ChannelKeys
from opbx.backplane.presence import Member
from opbx.backplane.records import Batch, Record
from opbx.pusher import messages
from opbx.relay.frames import text_frame
from opbx.relay.output import Output
from opbx.relay.tally import TALLY

if TYPE_CHECKING:
    from opbx.relay.connection import Connection


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What a newcomer gets first: the channel's state as of `offset` of `epoch`, as whole frames."""

    epoch: str
    offset: int
    frames: bytes


@dataclass(slots=True, eq=False)
class Pending:
    """A subscription that is not confirmed yet, and what came on the channel meanwhile.

    `proceed` goes on with it once the channel is live. Where the newcomer is to get the channel's state, `missed` is
    a list from the moment that is asked for, and `confirmation` the answer, while messages from before it are
    still on their way here.
    """

    connection: "Connection"
    member: Member | None
    proceed: "Callable[[Channel, Pending], None]"
    missed: "list[tuple[str, int, bytes, str]] | None" = None  # epoch, offset, frame, except_socket
    confirmation: Confirmation | None = None


class Channel:
    """The node's side of a channel.

    `on_output` is called when there is something to send, `on_gap` when the history is to be asked for `Since`,
    `on_lost` when the backplane has forgotten what it knew of the channel.
    """

    __slots__ = (
        "_confirmed",
        "_doubtful",
        "_held_back",
        "_on_gap",
        "_on_lost",
        "_on_output",
        "_placed",
        "epoch",
        "keys",
        "live",
        "offset",
        "output",
        "pending",
        "recovering",
        "scheduled",
        "subscribers",
    )

    def __init__(
        self,
        keys: ChannelKeys,
        on_output: "Callable[[Channel], None]",
        on_gap: "Callable[[Channel], None]",
        on_lost: "Callable[[Channel], None]" = lambda _: None,
    ) -> None:
        self.keys = keys
        self.subscribers: dict[Connection, Member | None] = {}
        self.pending: dict[Connection, Pending] = {}
        self.live = False  #: whether Redis has confirmed that messages arrive
        self.epoch = ""
        self.offset: int | None = None  #: of the last message taken; None until it is known
        self.recovering = False
        self.output = Output(keys, self.subscribers)
        self.scheduled = False
        self._doubtful = False
        self._held_back: list[Batch] = []
        self._placed: tuple[str, int, bytes] | None = None  # epoch and offset after which a frame is due
        self._confirmed: list[Pending] = []
        self._on_output = on_output
        self._on_gap = on_gap
        self._on_lost = on_lost

    @property
    def unused(self) -> bool:
        return not self.subscribers and not self.pending

    def held(self) -> "dict[Connection, Member]":
        """The members that connections of this node hold, or are about to."""
        held = {c: member for c, member in self.subscribers.items() if member is not None}
        held.update({c: p.member for c, p in self.pending.items() if p.member is not None and p.missed is not None})
        return held

    # The stream of messages

    def receive(self, batch: Batch) -> None:
        """Take what Redis delivered, in order, once; ask for what is missing before it."""
        if self.recovering:
            self._held_back.append(batch)
            return
        if self.offset is None or (batch.epoch != self.epoch and batch.first == 1):
            # The first message heard here, or of a head that was lost and begun anew while the connection held.
            anew = self.epoch != ""
            self.epoch, self.offset = batch.epoch, batch.first - 1
            self._admit(adopted=True)
            if anew:
                self._on_lost(self)
        if batch.epoch != self.epoch or batch.first > self.offset + 1:
            self._held_back.append(batch)
            self.recover()
            return
        fresh = batch.records[self.offset + 1 - batch.first :]
        self._take(fresh)

    def doubt(self) -> None:
        """The history may be that of an earlier time: its next answer proves nothing."""
        self._doubtful = self.live

    def recover(self) -> None:
        """Ask what was missed; until `recovered` answers, what arrives waits."""
        if not self.recovering:
            self.recovering = True
            TALLY.recoveries += 1
            self._on_gap(self)

    def baseline(self, head: Since) -> None:
        """Where the channel stood when this node began to listen, unless a message has told it already."""
        if self.offset is None:
            self.epoch, self.offset = head.epoch, head.offset

    def recovered(self, since: Since) -> None:
        """The history's answer. Where it does not reach back far enough, subscribers are told to load anew."""
        self.recovering = False
        doubtful, self._doubtful = self._doubtful, False
        if since.records is not None and not doubtful:
            self.epoch = since.epoch
            self._take(since.records)
        else:
            self.epoch, self.offset = since.epoch, since.offset
            TALLY.resyncs += 1
            self._add(Record(messages.resync(self.keys.channel)))
            self._on_lost(self)
        self._admit(adopted=True)
        held_back, self._held_back = self._held_back, []
        for batch in held_back:
            if batch.epoch == self.epoch:
                self.receive(batch)

    def _take(self, records: list[Record]) -> None:
        for record in records:
            self.offset = (self.offset or 0) + 1
            self._add(record)
            if self._confirmed:
                self._admit()
            if self._placed is not None:
                self._place()

    def place(self, epoch: str, offset: int, text: bytes) -> bool:
        """Tell all subscribers what is true at `offset`, right after the message there. False where that has passed."""
        if epoch == self.epoch and (self.offset or 0) > offset:
            return False
        self._placed = (epoch, offset, text_frame(text))
        self._place()
        return True

    def _place(self) -> None:
        epoch, offset, frame = self._placed or ("", 0, b"")
        if epoch == self.epoch and self.offset == offset:
            self._placed = None
            if self.subscribers:
                self.output.add(frame)
                self._on_output(self)

    def _add(self, record: Record) -> None:
        frame = text_frame(record.text)
        for pending in self.pending.values():
            if pending.missed is not None:
                pending.missed.append((self.epoch, self.offset or 0, frame, record.except_socket))
        if not self.subscribers:
            return
        self.output.add(frame, record)
        self._on_output(self)

    # Subscriptions

    def confirm(self, pending: Pending, confirmation: Confirmation) -> None:
        """Grant a subscription as soon as this node has what came before `confirmation`.

        Its answer may overtake the messages before it, a newcomer's own member_added among them.
        """
        pending.confirmation = confirmation
        self._confirmed.append(pending)
        self._admit()

    def _admit(self, *, adopted: bool = False) -> None:
        """Let in whose state this node has reached.

        A state of another epoch is of one that is about to be heard of here; unless one was just `adopted`, and that
        state is still of another: then it is of one that is gone.
        """
        behind: list[Pending] = []
        for pending in self._confirmed:
            state = pending.confirmation
            if state and (
                (self.offset or 0) < state.offset if state.epoch == self.epoch else state.offset > 0 and not adopted
            ):
                behind.append(pending)
            elif self.pending.get(pending.connection) is pending:
                self.activate(pending)
        self._confirmed = behind

    def tell(self, pending: Pending, frame: bytes) -> None:
        """Give a newcomer a frame that is for nobody else, once it has been confirmed."""
        if pending.connection in self.subscribers:
            pending.connection.send(frame)
        elif pending.missed is not None:
            pending.missed.append((self.epoch, sys.maxsize, frame, ""))

    def activate(self, pending: Pending) -> None:
        """Make it a subscription: from here on it gets what follows, with a confirmation what follows that."""
        connection, state = pending.connection, pending.confirmation
        del self.pending[connection]
        self.output.seal()  # what came before is for those who were here before
        self.subscribers[connection] = pending.member
        if state is None:
            connection.send_text(messages.subscription_succeeded(self.keys.channel))
            return
        reply = [state.frames]
        for epoch, offset, frame, except_socket in pending.missed or ():
            followed = offset > state.offset if epoch == state.epoch else True
            if followed and except_socket != connection.socket_id:
                reply.append(frame)
        connection.send(b"".join(reply))
