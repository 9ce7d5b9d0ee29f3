"""/api/v1/calls: the live board, the history and the figures of the caller's own organization."""

import itertools
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from flask import Response, stream_with_context

from opbx.api import Blueprint
from opbx.calls import export, history, snapshot, statistics
from opbx.calls.models import Call
from opbx.calls.schemas import (
    ActiveCallsSchema,
    CallDetailSchema,
    FilterQuerySchema,
    HistoryQuerySchema,
    HistorySchema,
    SequenceSchema,
    StatisticsQuerySchema,
    StatisticsSchema,
    render_call,
)
from opbx.database import utcnow
from opbx.errors import refuse
from opbx.extensions import db
from opbx.identity.authentication import authenticated, current_user
from opbx.moments import iso

blueprint = Blueprint("calls", __name__, url_prefix="/api/v1/calls", description="Live calls, records and figures")


@blueprint.route("/active")
@authenticated
@blueprint.response(200, ActiveCallsSchema)
def active() -> Response:
    """The live calls and the sequence they are true at: drop events up to it, apply those above it."""
    taken = snapshot.active_calls(db.session, current_user().organization_id)
    board = {"data": [render_call(call) for call in taken.calls], "sequence": taken.sequence}
    return _json(board | {"server_time": iso(utcnow())})


@blueprint.route("/sequence")
@authenticated
@blueprint.response(200, SequenceSchema)
def sequence() -> dict[str, Any]:
    """How far the organization's events are, for a board that hears nothing to learn whether it misses some."""
    reached = snapshot.current_sequence(db.session, current_user().organization_id)
    return {"sequence": reached, "server_time": utcnow()}


@blueprint.route("", strict_slashes=False)
@authenticated
@blueprint.arguments(HistoryQuerySchema, location="query")
@blueprint.response(200, HistorySchema)
def listing(query: dict[str, Any]) -> Response:
    """All calls, newest first."""
    limit, cursor = query.pop("limit"), query.pop("cursor", None)
    try:
        page = history.list_calls(
            db.session, current_user().organization_id, history.CallFilter(**query), limit=limit, cursor=cursor
        )
    except history.InvalidCursor as error:
        refuse(422, "VALIDATION_FAILED", "Some fields are not usable.", details={"cursor": [str(error)]})
    return _json({"data": [render_call(call) for call in page.calls], "next_cursor": page.next_cursor})


@blueprint.route("/export.csv")
@authenticated
@blueprint.arguments(FilterQuerySchema, location="query")
@blueprint.response(200, {"type": "string"}, content_type="text/csv", description="A line a call, after the headings")
def export_calls(query: dict[str, Any]) -> Response:
    """All calls as CSV, newest first, with the list's filters; sent while they are read."""
    wanted = history.CallFilter(**query)
    columns = list(export.COLUMNS.values())
    batches = history.each_batch(db.session, current_user().organization_id, wanted, columns)
    first = next(batches)  # before the answer begins: a database that is away is still told as an error
    answer = Response(
        stream_with_context(export.render(itertools.chain([first], batches))), content_type="text/csv; charset=utf-8"
    )
    answer.headers["Content-Disposition"] = f'attachment; filename="calls-{utcnow():%Y-%m-%d}.csv"'
    return answer


@blueprint.route("/statistics")
@authenticated
@blueprint.arguments(StatisticsQuerySchema, location="query")
@blueprint.response(200, StatisticsSchema)
def figures(query: dict[str, Any]) -> dict[str, Any]:
    """Outcomes, answer rate, waiting and talk time, calls per hour or day; of today where no period is given."""
    organization = current_user().organization
    zone = ZoneInfo(organization.timezone)
    if "since" in query:
        period = statistics.Period(since=query["since"], until=query["until"], zone=zone)
    else:
        period = statistics.Period.named(query.get("period", "today"), zone, utcnow())
    return statistics.summarize(db.session, organization.id, period)


@blueprint.route("/<identity>")
@authenticated
@blueprint.response(200, CallDetailSchema)
@blueprint.alt_response(404, description="The organization has no such call")
def one(identity: str) -> Call:
    """One call with its timeline, by its `id` or by its sender's `call_id`."""
    # what cannot be stored was never the id of a call
    call = history.find_call(db.session, current_user().organization_id, identity) if identity.isprintable() else None
    if call is None:
        refuse(404, "NOT_FOUND", "There is no such call.")
    return call


def _json(body: dict[str, Any]) -> Response:
    """Answered as it is: it has the form of the view's schema already."""
    return Response(orjson.dumps(body), mimetype="application/json")
