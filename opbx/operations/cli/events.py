"""`opbx tail`, `opbx replay`: an organization's events as they come, or again."""

import threading
from queue import Empty, Queue
from typing import Any

import click
import orjson
from flask.cli import with_appcontext
from sqlalchemy import select

from opbx.backplane.connection import connect
from opbx.backplane.feed import Feed
from opbx.backplane.keys import ChannelKeys
from opbx.backplane.publisher import Message, Publisher
from opbx.backplane.records import Batch
from opbx.broadcasting.channels import wire_name
from opbx.broadcasting.models import BroadcastEvent, ChannelCursor
from opbx.calls.events import organization_channel
from opbx.database import utcnow
from opbx.extensions import current_settings, db
from opbx.identity import accounts
from opbx.identity.models import Organization
from opbx.operations.cli.output import as_json, console, document
from opbx.settings import Settings

#: Events that one replay sends again at most: it goes to every dashboard of the organization.
MOST_REPLAYED = 1000

#: Events published in one step.
_BATCH = 100


class Listener:
    """Puts what comes on a channel into a queue."""

    def __init__(self) -> None:
        self.events: Queue[dict[str, Any]] = Queue()
        self.listening = threading.Event()

    def receive(self, _topic: str, payload: bytes) -> None:
        for record in Batch.decode(payload).records:
            frame = orjson.loads(record.text)
            self.events.put({"at": utcnow().isoformat(timespec="milliseconds"), "event": frame["event"],
                             "data": _data(frame.get("data"))})  # fmt: skip

    def live(self, _topic: str) -> None:
        self.listening.set()

    def lost(self) -> None:
        click.echo("Redis is away; what comes meanwhile is missed here", err=True)

    def other_server(self) -> None:
        """Nothing is kept here that a Redis which started anew would not know."""


def listen(settings: Settings, channel: str) -> Listener:
    """Listen on a channel (its name on the wire) from now on, in threads that end with the process."""
    listener = Listener()
    feed = Feed(connect(settings.redis_url), listener)
    feed.subscribe(ChannelKeys(settings.pusher.app_id, channel).topic)
    for work in (feed.listen, feed.write):
        threading.Thread(target=work, daemon=True).start()
    return listener


@click.command("tail")
@click.argument("organization")
@click.option("--count", type=click.IntRange(min=1), help="End after so many events.")
@as_json
@with_appcontext
def tail(organization: str, *, count: int | None, as_json: bool) -> None:
    """Show the events of ORGANIZATION (slug or domain) as they are published."""
    channel = wire_name(organization_channel(_find(organization).id))
    listener = listen(current_settings(), channel)
    out = console()
    while not listener.listening.wait(0.2):
        pass
    if not as_json:
        click.echo(f"listening on {channel}", err=True)
    while count is None or count > 0:
        try:
            event = listener.events.get(timeout=0.5)
        except Empty:
            continue
        if as_json:
            document(event)
        else:
            out.print(f"[dim]{event['at'][11:23]}[/] [bold]{event['event']}[/] ", end="")
            out.print(orjson.dumps(event["data"]).decode(), markup=False, soft_wrap=True)
        count = None if count is None else count - 1


@click.command("replay")
@click.argument("organization")
@click.option("--from", "first", type=click.IntRange(min=1), required=True, help="Sequence of the first event.")
@click.option("--to", "last", type=click.IntRange(min=1), help="Of the last one; without it, up to the newest.")
@click.option("--dry-run", is_flag=True, help="Only say what would be sent.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
@with_appcontext
def replay(organization: str, *, first: int, last: int | None, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Send delivered events of ORGANIZATION to its subscribers once more, as they were, in order.

    For consumers that have lost some. It changes nothing: each event has its old `sequence`, so that dashboards,
    which drop what they have seen, stay as they are, and events that are not delivered yet are left to the workers.
    """
    channel = organization_channel(_find(organization).id)
    rows = _delivered(channel, first, last)
    if len(rows) > MOST_REPLAYED:
        raise click.ClickException(f"More than {MOST_REPLAYED} events; give --to.")
    told = {"channel": channel, "events": len(rows), "first": rows[0].sequence if rows else None,
            "last": rows[-1].sequence if rows else None, "sent": not dry_run}  # fmt: skip
    if rows and not dry_run:
        if not yes and not as_json:
            click.confirm(f"Send {len(rows)} events from #{told['first']} on to all of {organization}?", abort=True)
        _publish(current_settings(), channel, rows)
    if as_json:
        document(told)
    else:
        click.echo(f"{len(rows)} events{'' if not dry_run else ' would be'} sent on {channel}")


def _delivered(channel: str, first: int, last: int | None) -> list[BroadcastEvent]:
    cursor = db.session.scalar(select(ChannelCursor.sequence).where(ChannelCursor.channel == channel)) or 0
    query = (
        select(BroadcastEvent)
        .where(
            BroadcastEvent.channel == channel,
            BroadcastEvent.sequence.between(first, min(last or cursor, cursor)),
            BroadcastEvent.failure.is_(None),
        )
        .order_by(BroadcastEvent.sequence)
        .limit(MOST_REPLAYED + 1)
    )
    return list(db.session.scalars(query))


def _publish(settings: Settings, channel: str, rows: list[BroadcastEvent]) -> None:
    publisher = Publisher(connect(settings.redis_url, timeout=2.0), settings.pusher.app_id)
    for start in range(0, len(rows), _BATCH):
        # without the outbox's number of the envelope, by which the backplane would refuse what it has had
        messages = [
            Message(row.name, orjson.dumps({**row.payload, "sequence": row.sequence}).decode())
            for row in rows[start : start + _BATCH]
        ]
        publisher.publish(wire_name(channel), messages)


def _find(name: str) -> Organization:
    try:
        return accounts.find_organization(db.session, name)
    except accounts.AccountError as error:
        raise click.ClickException(str(error)) from error


def _data(value: Any) -> Any:
    """What clients get as `data`: JSON within JSON, or a plain text."""
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value
