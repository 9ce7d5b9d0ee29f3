"""What a call does on the backplane, and the wait until it is done."""

from typing import Any

from gevent import Timeout
from gevent.event import AsyncResult

from opbx.apps import App
from opbx.backplane.occupancy import read_taken, take_call
from opbx.backplane.publisher import Message, publish_call
from opbx.backplane.scripts import Call
from opbx.pusher.channels import parse_channel
from opbx.relay.http_api.requests import Refused
from opbx.relay.ledger import Ledger
from opbx.relay.tally import TALLY

#: Seconds for which a call waits for the backplane before it is answered with 503.
TIMEOUT = 2.0


class Publishing:
    """Sends calls through the node's ledger, where they share round trips."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def publish(self, app: App, events: list[tuple[str, Message]]) -> None:
        """Publish all events, and wait until the backplane has them. Raises `Refused`."""
        self.carry_out([_publish_call(app, channel, message) for channel, message in events])

    def limit(self, app: App, kind: str, tokens: int, rate: int) -> None:
        """Count `tokens` towards the app's rate of `kind`, over all nodes; -1 is no limit. Raises `Refused`."""
        if rate < 0:
            return
        if tokens > rate:
            TALLY.limited[kind] += 1
            raise Refused(429, f"No more than {rate} a second are allowed", _rate_headers(rate, 0, 1000))
        taken = read_taken(self.carry_out([take_call(app.id, kind, tokens, rate)])[0])
        if not taken.granted:
            TALLY.limited[kind] += 1
            raise Refused(429, f"More than {rate} a second", _rate_headers(rate, taken.left, taken.wait_ms))

    def carry_out(self, calls: list[Call]) -> list[Any]:
        """The answers of all calls. Raises `Refused`."""
        pending = [AsyncResult() for _ in calls]
        for call, answer in zip(calls, pending, strict=True):
            self._ledger.submit(call, answer.set, patient=False)
        with Timeout(TIMEOUT, Refused(503, "The backplane is away", {"Retry-After": "1"})):
            answers = [answer.get() for answer in pending]
        if None in answers:
            raise Refused(503, "The backplane is away", {"Retry-After": "1"})
        return answers


def _publish_call(app: App, channel: str, message: Message) -> Call:
    name = parse_channel(channel)
    return publish_call(app.id, channel, [message], cache=name is not None and name.cache)


def _rate_headers(rate: int, left: int, wait_ms: int) -> dict[str, str]:
    return {
        "Retry-After": str(max(1, -(-wait_ms // 1000))),
        "X-RateLimit-Limit": str(rate),
        "X-RateLimit-Remaining": str(left),
    }
