"""The live calls of an organization and the channel's sequence that they are true at, from one consistent read."""

from dataclasses import dataclass

from sqlalchemy import and_, literal, select

from opbx.broadcasting.models import ChannelHead
from opbx.calls.events import organization_channel
from opbx.calls.models import Call
from opbx.database import AnySession


@dataclass(frozen=True)
class Snapshot:
    """Events with a sequence above `sequence` are not in `calls` yet; all others are."""

    calls: list[Call]
    sequence: int


def current_sequence(session: AnySession, organization_id: str) -> int:
    """The sequence of the last event that was committed for the organization, delivered or not; 0 before the first."""
    channel = organization_channel(organization_id)
    return session.scalar(select(ChannelHead.sequence).where(ChannelHead.channel == channel)) or 0


def active_calls(session: AnySession, organization_id: str) -> Snapshot:
    """The calls that have not ended, oldest first.

    One statement is one snapshot on either database, and a call's change commits together with its events'
    sequences: so the calls can be neither ahead of the sequence nor behind it.
    """
    here = select(literal(1).label("here")).subquery()
    query = (
        select(ChannelHead.sequence, Call)
        .select_from(here)
        .outerjoin(ChannelHead, ChannelHead.channel == organization_channel(organization_id))
        .outerjoin(Call, and_(Call.organization_id == organization_id, Call.ended_at.is_(None)))
        .order_by(Call.initiated_at, Call.id)
    )
    rows = session.execute(query).all()
    return Snapshot(calls=[call for _, call in rows if call is not None], sequence=rows[0][0] or 0)
