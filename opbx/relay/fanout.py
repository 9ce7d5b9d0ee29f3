"""Sending to many: channels take turns, a slice of sends each, and the event loop looks at all sockets in between.

With nothing waiting, a message goes out at once. Under load, what arrives while others are being served is joined
into one write per subscriber, so that the cost of a system call is shared: batching never adds waiting.
"""

from collections import deque
from typing import NoReturn

import gevent
from gevent.event import Event

from opbx.relay.channel import Channel

#: Sends between two looks at the sockets. Each look takes in what is ready by then (messages from Redis, calls of back
#: ends, answers), which joins the next batch; so frequent looks make larger batches, until the looks themselves
#: cost too much.
SLICE = 32

#: Seconds. `gevent.sleep(0)` would only run what is queued already, for up to 5 ms before it looks at the sockets.
_LOOK = 1e-6


class Fanout:
    """The turns of all channels that have something to send."""

    def __init__(self) -> None:
        self._due: deque[Channel] = deque()
        self._wake = Event()

    def schedule(self, channel: Channel) -> None:
        """Give `channel` a turn; it may have one already."""
        if not channel.scheduled:
            channel.scheduled = True
            self._due.append(channel)
            self._wake.set()

    def run(self) -> NoReturn:
        """Serve until the process ends."""
        while True:
            if not self._due:
                self._wake.clear()
                self._wake.wait()
            gevent.sleep(_LOOK)
            self._turn()

    def _turn(self) -> None:
        left = SLICE
        while self._due and left > 0:
            channel = self._due.popleft()
            left -= channel.output.flush(left)
            if channel.output.waiting:
                self._due.append(channel)
            else:
                channel.scheduled = False
