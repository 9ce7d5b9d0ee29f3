"""/api/v1/dead-letters: what was given up of the owner's organization, to be tried again or forgotten."""

from dataclasses import asdict
from typing import Any

from celery import Celery
from flask import Response, current_app
from kombu.exceptions import OperationalError
from redis import RedisError

from opbx.api import Blueprint
from opbx.dead_letters import letters
from opbx.dead_letters.schemas import LettersQuerySchema, LettersSchema
from opbx.errors import refuse
from opbx.extensions import db, transactions
from opbx.identity.authentication import current_user
from opbx.identity.authorization import OWNERS, restricted
from opbx.webhooks.batches import SEND, Batch

blueprint = Blueprint("dead letters", __name__, url_prefix="/api/v1/dead-letters", description="What was given up")

_GONE = {"description": "The organization has no such letter"}


@blueprint.route("", strict_slashes=False)
@restricted(OWNERS)
@blueprint.arguments(LettersQuerySchema, location="query")
@blueprint.response(200, LettersSchema)
def listing(query: dict[str, Any]) -> dict[str, Any]:
    """Events that cannot be published and webhooks that nobody took, newest first: why, and after how many tries."""
    return {"data": letters.list_letters(db.session, current_user().organization_id, query["limit"])}


@blueprint.route("/<letter_id>/retry", methods=["POST"])
@restricted(OWNERS)
@blueprint.response(204)
@blueprint.alt_response(404, description=_GONE["description"])
@blueprint.alt_response(503, description="The queue is away; the letter stays")
def retry(letter_id: str) -> Response:
    """Try again: an event gets a new sequence, since dashboards have passed its old one."""
    try:
        letters.retry(db.session, transactions(), send, letter_id, current_user().organization_id)
    except letters.NoSuchLetter:
        refuse(404, "NOT_FOUND", "There is no such letter.")
    except (OperationalError, RedisError, OSError):
        refuse(503, "QUEUE_UNAVAILABLE", "The queue is away; try again later.", retry_after=30)
    return Response(status=204)


@blueprint.route("/<letter_id>", methods=["DELETE"])
@restricted(OWNERS)
@blueprint.response(204)
@blueprint.alt_response(404, description=_GONE["description"])
def drop(letter_id: str) -> Response:
    """Forget a letter."""
    try:
        letters.drop(db.session, letter_id, current_user().organization_id)
    except letters.NoSuchLetter:
        refuse(404, "NOT_FOUND", "There is no such letter.")
    return Response(status=204)


def send(batch: Batch) -> None:
    """Queue a batch. Raises where the broker is away."""
    queue: Celery = current_app.extensions["opbx_queue"]
    queue.send_task(SEND, kwargs=asdict(batch))
