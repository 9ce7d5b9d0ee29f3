"""`sustained`: many webhooks for longer, on PostgreSQL, and whether every dashboard saw all of it in order."""

from bench.journey import DASHBOARDS, ORGANIZATIONS, travel
from bench.report import Table
from bench.senders import STAGES
from bench.stack import whole_stack

RATE = 400  # webhooks a second
SECONDS = 22.0


def run() -> None:
    """Measure and print."""
    with whole_stack(ORGANIZATIONS) as stack:
        if stack.database != "PostgreSQL":
            print("\nsustained: skipped, since PostgreSQL is not installed")
            return
        stored = stack.stored()
        trip = travel(stack, calls_per_second=RATE / len(STAGES), seconds=SECONDS)
        table = Table(
            f"{RATE} webhooks/s for {SECONDS:.0f} s on {stack.database}, {ORGANIZATIONS * DASHBOARDS} dashboards "
            "(p50 / p99 / max)"
        )
        stored = stack.stored() - stored
        table.goal("webhooks answered a second", f"{trip.rate:.0f}", f"≥ {RATE}", trip.rate >= 0.99 * RATE)
        table.goal("faults", trip.faults, "none", trip.clean)
        table.figure("due to answer", str(trip.answer))
        table.figure("answer to event", str(trip.after_answer))
        table.figure("sending to event", str(trip.after_sending))
        table.figure("stored a call", f"{stored * len(STAGES) / (len(trip.posts) - trip.refused) / 1000:.1f} KB")
        table.figure(
            "processor time a webhook", f"{sum(trip.cpu.values()):.2f} ms, of {2000 / RATE:.1f} ms that two cores have"
        )
        for name, milliseconds in sorted(trip.cpu.items(), key=lambda item: -item[1]):
            table.figure(f"  {name}", f"{milliseconds:.2f} ms")
    table.show()
