"""Sending to many: channels take turns, a slice of sends each, and the event loop runs in between.

With nothing waiting, a message goes out at once. Under load, what arrives while others are being served is joined
into one write per subscriber, so that the cost of a system call is shared: batching never adds waiting.
"""

from collections import deque
from typing import NoReturn

import gevent
from gevent.event import Event

from opbx.relay.channel import Channel

#: Sends between two looks at the event loop, about a millisecond.
SLICE = 256

#: Seconds for which ready input is taken before what waits is sent. With none ready, nothing waits.
GATHER = 0.005

#: Messages of one channel that wait at once when there is a backlog: then it pays to gather for the whole time.
BACKLOG = 4


class Fanout:
    """The turns of all channels that have something to send."""

    def __init__(self) -> None:
        self._due: deque[Channel] = deque()
        self._wake = Event()
        self._backlog = False

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
                self._gather()
            self._turn()
            gevent.sleep(0)

    def _gather(self) -> None:
        """Let all input that is ready now come in, so that it goes out in the same writes."""
        if self._backlog:
            gevent.sleep(GATHER)
            return
        with gevent.Timeout(GATHER, False):
            gevent.idle()

    def _turn(self) -> None:
        left = SLICE
        while self._due and left > 0:
            channel = self._due.popleft()
            self._backlog = channel.waiting >= BACKLOG
            left -= channel.flush(left)
            if channel.has_output:
                self._due.append(channel)
            else:
                channel.scheduled = False
