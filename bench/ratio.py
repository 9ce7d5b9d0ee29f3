"""`ratio`: webhooks of the whole product against Flask endpoints that do nothing, served by the same server."""

from dataclasses import dataclass
from itertools import cycle

from bench.nothing import PATH
from bench.pump import CONNECTIONS, Flow, pump
from bench.report import Table, median
from bench.senders import calls_of
from bench.stack import SENDER_KEY, Stack, whole_stack

ORGANIZATIONS = 10
GOAL = 0.35

#: Seconds of one run, and how often all are run in turn.
SECONDS, TURNS = 5.0, 3

_BODY = b'{"call_id": "6b0f3c0e5a3b4f539f3e0e8f6a1f2d11", "status": "answered"}'
_NOTHING = b"POST %b HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
    PATH.encode(),
    len(_BODY),
    _BODY,
)


@dataclass(frozen=True, slots=True)
class Turn:
    """One run of each."""

    webhooks: Flow
    bare: Flow
    product: Flow


def run() -> None:
    """Measure and print."""
    with whole_stack(ORGANIZATIONS, beside=("bench.nothing:bare()", "bench.nothing:product()")) as stack:
        domains = cycle(organization.domain for organization in stack.organizations)

        def turn(seconds: float) -> Turn:
            webhooks = pump(stack.web_port, lambda: calls_of(next(domains), SENDER_KEY), seconds)
            return Turn(webhooks, *(pump(port, lambda: cycle((_NOTHING,)), seconds) for port in stack.beside_ports))

        turn(1.0)  # to warm up
        before = stack.cpu_seconds()
        turns = [turn(SECONDS) for _ in range(TURNS)]
        _show(stack, turns, before)


def _show(stack: Stack, turns: list[Turn], before: dict[str, float]) -> None:
    answered = sum(turn.webhooks.answered for turn in turns)
    used = {name: 1000 * (after - before[name]) / answered for name, after in stack.cpu_seconds().items()}
    ratio = median([turn.webhooks.rate / turn.bare.rate for turn in turns])
    table = Table(
        f"Webhooks on {stack.database} against endpoints that do nothing, served by the same server: {CONNECTIONS} "
        f"connections, each posting as soon as it is answered; {TURNS} turns of {SECONDS:.0f} s, medians"
    )
    table.goal("webhooks to an empty Flask application", f"{ratio:.2f}", f"≥ {GOAL}", ratio >= GOAL)
    ratio = median([turn.webhooks.rate / turn.product.rate for turn in turns])
    table.figure("webhooks to an empty view of the product", f"{ratio:.2f}")
    table.figure("webhooks a second", f"{median([turn.webhooks.rate for turn in turns]):.0f}")
    table.figure("requests of the empty application", f"{median([turn.bare.rate for turn in turns]):.0f}")
    table.figure("requests of the product's empty view", f"{median([turn.product.rate for turn in turns]):.0f}")
    refused = sum(turn.webhooks.refused for turn in turns)
    table.goal("webhooks refused", str(refused), "0", not refused)
    table.figure("processor time a webhook", f"{sum(used.values()):.2f} ms")
    for name, milliseconds in sorted(used.items(), key=lambda item: -item[1]):
        table.figure(f"  {name}", f"{milliseconds:.2f} ms")
    table.show()
