"""`flask trigger`: one event of an existing or a made-up call, for trying a client by hand."""

from uuid import uuid4

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from opbx.broadcasting.outbox import broadcast
from opbx.calls.events import CallAnswered, CallEnded, CallEvent, CallInitiated
from opbx.calls.models import Call, CallDirection, CallStatus
from opbx.calls.service import apply
from opbx.calls.signal import CallSignal
from opbx.calls.state import Step
from opbx.database import utcnow
from opbx.extensions import db, transactions
from opbx.identity import accounts

#: What happens to the call, and the status that says so.
STATUSES: dict[type[CallEvent], CallStatus] = {
    CallInitiated: CallStatus.INITIATED,
    CallAnswered: CallStatus.ANSWERED,
    CallEnded: CallStatus.COMPLETED,
}
EVENTS = {event.name: event for event in STATUSES}


@click.command()
@click.argument("event", type=click.Choice(list(EVENTS)), default="call.initiated")
@click.option("--organization", "-o", default="demo", show_default=True, help="Slug or domain.")
@click.option("--call-id", help="An existing call's id; made up where not given.")
@click.option("--from", "caller", default="+18005551234", show_default=True)
@click.option("--to", "callee", default="+18005550011", show_default=True)
@click.option("--extension", help="Who answers, such as 101.")
@with_appcontext
def trigger(
    *, event: str, organization: str, call_id: str | None, caller: str, callee: str, extension: str | None
) -> None:
    """Let EVENT happen to a call, now. It takes the way of every other event, through the outbox.

    What has happened to the call before is told again, with what is known of the call.
    """
    now = utcnow()
    signal = CallSignal(
        call_id=call_id or str(uuid4()),
        status=STATUSES[EVENTS[event]],
        at=now,
        direction=CallDirection.INBOUND,
        from_number=caller,
        to_number=callee,
        extension=extension,
    )
    try:
        owner = accounts.find_organization(db.session, organization)
    except accounts.AccountError as error:
        raise click.ClickException(str(error)) from error
    db.session.commit()
    with transactions().begin() as transaction:
        outcome = apply(transaction, owner.id, signal, now)
    if outcome.step is Step.FORWARD:
        click.echo(f"{outcome.call_id} is {outcome.status} ({outcome.step})")
        return
    _tell_again(EVENTS[event], owner.id, outcome.call_id)
    click.echo(f"{outcome.call_id} is {outcome.status}; {event} is told again")


def _tell_again(event: type[CallEvent], organization_id: str, call_id: str) -> None:
    call = db.session.scalars(
        select(Call).where(Call.organization_id == organization_id, Call.call_id == call_id)
    ).one()
    with transactions().begin() as transaction:
        broadcast(transaction, event(call))
