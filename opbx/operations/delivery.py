"""/api/v1/delivery: whether events reach the dashboards of the caller's organization, and where to look further."""

from datetime import datetime
from typing import Any

import structlog
from flask import current_app
from marshmallow import Schema, fields
from sqlalchemy import func, select

from opbx.api import Blueprint
from opbx.broadcasting.models import BroadcastEvent, ChannelCursor, ChannelHead
from opbx.calls.events import organization_channel
from opbx.database import AnySession, utcnow
from opbx.extensions import current_settings, db
from opbx.identity.authentication import current_user
from opbx.identity.authorization import MANAGERS, restricted
from opbx.moments import MOMENT, Timestamp
from opbx.operations.metrics.backlog import queue_depths

log = structlog.get_logger()

blueprint = Blueprint("delivery", __name__, url_prefix="/api/v1", description="Do events arrive?")


class OldestSchema(Schema):
    name = fields.String(required=True)
    sequence = fields.Integer(required=True)
    created_at = Timestamp(required=True, metadata=MOMENT)
    age_seconds = fields.Float(required=True)


class LinksSchema(Schema):
    flower = fields.String(required=True, allow_none=True)
    grafana = fields.String(required=True, allow_none=True)


class DeliverySchema(Schema):
    """`queues` is of the whole installation; all else of the organization's channel."""

    committed = fields.Integer(required=True, metadata={"description": "sequence of the last event"})
    delivered = fields.Integer(required=True, metadata={"description": "sequence up to which all are published"})
    behind = fields.Integer(required=True, metadata={"description": "events that wait"})
    failed = fields.Integer(required=True, metadata={"description": "events that can never be published"})
    oldest = fields.Nested(OldestSchema, required=True, allow_none=True, metadata={"description": "that waits"})
    queues = fields.Dict(
        keys=fields.String(), values=fields.Integer(), required=True, allow_none=True,
        metadata={"description": "tasks that wait in each; null: the broker is away"},
    )  # fmt: skip
    server_time = Timestamp(required=True, metadata=MOMENT)
    links = fields.Nested(LinksSchema, required=True)


@blueprint.route("/delivery")
@restricted(MANAGERS)
@blueprint.response(200, DeliverySchema)
def delivery() -> dict[str, Any]:
    """How far the organization's events are delivered, and what waits."""
    settings = current_settings()
    found = _outbox(db.session, organization_channel(current_user().organization_id))
    db.session.rollback()  # no connection is held while the broker is asked
    links = {"flower": settings.flower_url or None, "grafana": settings.grafana_url or None}
    return {**found, "queues": _queues(), "server_time": utcnow(), "links": links}


def _outbox(session: AnySession, channel: str) -> dict[str, Any]:
    # the cursor is read first: what is committed meanwhile counts as waiting, never the other way round
    delivered = session.scalar(select(ChannelCursor.sequence).where(ChannelCursor.channel == channel)) or 0
    committed = session.scalar(select(ChannelHead.sequence).where(ChannelHead.channel == channel)) or 0
    failed = session.scalar(
        select(func.count()).where(BroadcastEvent.channel == channel, BroadcastEvent.failure.is_not(None))
    )
    oldest = session.execute(
        select(BroadcastEvent.name, BroadcastEvent.sequence, BroadcastEvent.created_at).where(
            BroadcastEvent.channel == channel, BroadcastEvent.sequence == delivered + 1
        )
    ).first()
    return {
        "committed": committed,
        "delivered": delivered,
        "behind": max(committed - delivered, 0),
        "failed": failed,
        "oldest": oldest and {**oldest._asdict(), "age_seconds": _age(oldest.created_at)},
    }


def _age(moment: datetime) -> float:
    return round(max((utcnow() - moment).total_seconds(), 0.0), 1)


def _queues() -> dict[str, int] | None:
    try:
        return queue_depths(current_app.extensions["opbx_queue"])
    except Exception as error:
        log.warning("the broker cannot be asked", error=repr(error))
        return None
