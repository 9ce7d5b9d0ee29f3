"""`flask simulate`: the simulated sender on the command line."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from random import Random

import click
from flask.cli import with_appcontext
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import select

from opbx.calls.models import Call
from opbx.database import AnySession, write_transaction
from opbx.extensions import current_settings, db
from opbx.identity.models import DidNumber, Extension, Organization
from opbx.identity.sealing import current_seal
from opbx.operations import access, demo
from opbx.operations.simulator.plan import CALL_ID_PREFIX, LONGEST_SILENCE, Line
from opbx.operations.simulator.sender import Sender, Tally
from opbx.operations.simulator.traffic import THREADS, Traffic
from opbx.operations.simulator.vocabularies import Webhook, hangup

#: Seconds between two lines of a report that goes to no terminal.
LINE_PERIOD = 30.0

#: Seconds without an answer of the receiver until that is told, and until it is no longer waited for.
SURPRISE = 5.0
PATIENCE = 60.0


@click.command()
@click.option("--rate", type=click.FloatRange(min=0.01), default=2.0, show_default=True, help="New calls a second.")
@click.option("--organizations", type=click.IntRange(min=1), default=2, show_default=True)
@click.option("--url", help="Where to post; by default the web process of this machine.")
@click.option("--duration", type=click.FloatRange(min=0), help="Seconds; without it, until stopped.")
@click.option("--seed", type=int, help="Makes the calls repeatable.")
@with_appcontext
def simulate(rate: float, organizations: int, url: str | None, duration: float | None, seed: int | None) -> None:
    """Post the webhooks of whole calls: answered, busy, missed, abandoned."""
    settings = current_settings()
    opening = access.read(settings)
    with write_transaction(db.session):
        seeded = demo.seed_simulated(db.session, current_seal(), opening, organizations)
        lines = [_line(db.session, organization, opening) for organization in seeded]
        leftovers = [end for row, line in zip(seeded, lines, strict=True) for end in _leftovers(db.session, row, line)]
    db.session.remove()
    url = url or f"http://127.0.0.1:{settings.web_port}"
    random = Random(seed)  # noqa: S311 - nothing secret is drawn
    with _stopping() as stop, _reporting(lines, duration) as report:
        sender = Sender(url, stop, random, THREADS)
        traffic = Traffic(sender, lines, rate=rate, stop=stop, random=random, report=report)
        for line, webhook in leftovers:
            traffic.later(line, webhook)
        if _up(sender, stop):
            traffic.run(duration)
        sender.close()
    click.echo(_summary(sender))


def _up(sender: Sender, stop: threading.Event) -> bool:
    """Wait until the receiver answers; False when told to stop before. Raises when it never does."""
    begin = time.monotonic()
    told = False
    while not stop.is_set() and not sender.is_up():
        waited = time.monotonic() - begin
        if waited > PATIENCE:
            raise click.ClickException(f"{sender.url} does not answer")
        if waited > SURPRISE and not told:
            click.echo(f"waiting for {sender.url}, which does not answer")
            told = True
        stop.wait(0.5)
    return not stop.is_set()


def _line(session: AnySession, organization: Organization, opening: access.Access) -> Line:
    numbers = session.scalars(select(DidNumber.phone_number).where(DidNumber.organization_id == organization.id))
    extensions = session.scalars(select(Extension.number).where(Extension.organization_id == organization.id))
    return Line(
        domain=organization.domain,
        domain_uuid=organization.domain_uuid,
        numbers=tuple(sorted(numbers)),
        extensions=tuple(sorted(extensions)),
        key=opening.sender_key,
        secret=opening.sender_key,
    )


def _leftovers(session: AnySession, organization: Organization, line: Line) -> Iterator[tuple[Line, Webhook]]:
    """The ends of the calls that simulations left open which could not do it themselves.

    An open call may also be of one that runs beside this, so each end is due only when such a one would have told
    of the call; for a call that has ended by then, a hangup changes nothing.
    """
    open_calls = select(Call.call_id, Call.last_event_at).where(
        Call.organization_id == organization.id, Call.ended_at.is_(None), Call.call_id.startswith(CALL_ID_PREFIX)
    )
    for call_id, heard_at in session.execute(open_calls):
        end = hangup(line, call_id, heard_at.timestamp())
        yield line, replace(end, at=end.at + LONGEST_SILENCE)


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """An event that SIGTERM and Ctrl-C set."""
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _reporting(lines: Sequence[Line], duration: float | None) -> Iterator[Callable[[Traffic], None]]:
    """A progress bar on a terminal, a line now and then elsewhere."""
    if not sys.stdout.isatty():
        click.echo(f"simulating calls of {', '.join(line.domain for line in lines)}")
        yield _plain_report()
        return
    columns = (TimeElapsedColumn(), BarColumn(), TextColumn("{task.description}"))
    with Progress(*columns, transient=True) as progress:
        task = progress.add_task("waiting for the web process", total=duration)
        begin = time.monotonic()
        yield lambda traffic: progress.update(
            task, description=_state(traffic), completed=min(time.monotonic() - begin, duration or 0)
        )


def _plain_report() -> Callable[[Traffic], None]:
    told = time.monotonic()

    def report(traffic: Traffic) -> None:
        nonlocal told
        if time.monotonic() - told >= LINE_PERIOD:
            told = time.monotonic()
            click.echo(_state(traffic))

    return report


def _state(traffic: Traffic) -> str:
    return f"{traffic.calls} calls, {_summary(traffic.sender)}"


def _summary(sender: Sender) -> str:
    counts = ", ".join(f"{sender.counts[tally]} {tally}" for tally in Tally if sender.counts[tally]) or "none yet"
    return f"webhooks: {counts}" + (f"; last refusal: {sender.last_refusal}" if sender.last_refusal else "")
