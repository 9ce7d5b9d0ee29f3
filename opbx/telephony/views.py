"""/api/webhooks/cloudonix: the four webhooks that telephony senders post to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from flask import Response, current_app, g, jsonify, request
from marshmallow import ValidationError
from sqlalchemy.exc import IntegrityError

from opbx.api import Blueprint
from opbx.calls.service import Outcome, apply
from opbx.calls.signal import CallSignal
from opbx.calls.state import Step
from opbx.database import utcnow
from opbx.errors import refuse
from opbx.extensions import current_settings, transactions
from opbx.identity.sealing import UnreadableSecretError, current_seal
from opbx.limits import enforce
from opbx.metrics.instruments import TRANSITIONS
from opbx.telephony import senders
from opbx.telephony.body import Body, read_body
from opbx.telephony.documentation import described
from opbx.telephony.receipts import AlreadyAnswered, Answer, Receipt, ReceiptKey, idempotency_key
from opbx.telephony.transactions import retrying
from opbx.telephony.vocabulary import detail_record, opbx_form, session_update, voice_request

log = structlog.get_logger()

blueprint = Blueprint(
    "webhooks", __name__, url_prefix="/api/webhooks/cloudonix", description="What telephony senders post"
)


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """How one webhook is read. `quiet` answers an update that says nothing new with 204."""

    name: str
    read: Callable[[Mapping[str, Any], datetime], CallSignal | None]
    forms: bool = False
    quiet: bool = False


def _read_initiated(payload: Mapping[str, Any], now: datetime) -> CallSignal:
    own = "CallSid" not in payload and request.is_json
    return opbx_form.read_initiated(payload, now) if own else voice_request.read(payload, now)


CALL_INITIATED = Endpoint(name="call-initiated", read=_read_initiated, forms=True)
CALL_STATUS = Endpoint(name="call-status", read=opbx_form.read_status)
SESSION_UPDATE = Endpoint(name="session-update", read=session_update.read, quiet=True)
CDR = Endpoint(name="cdr", read=detail_record.read)


@blueprint.route("/call-initiated", methods=["POST"])
@described(voice_request.VoiceRequestSchema, opbx_form.CallInitiatedSchema, form=voice_request.VoiceRequestSchema)
def call_initiated() -> Response:
    """A new call: the request of a Cloudonix voice application, or OPBX's own form."""
    return _receive(CALL_INITIATED)


@blueprint.route("/call-status", methods=["POST"])
@described(opbx_form.CallStatusSchema)
def call_status() -> Response:
    """A call's status, in OPBX's own form."""
    return _receive(CALL_STATUS)


@blueprint.route("/session-update", methods=["POST"])
@described(session_update.SessionUpdateSchema)
def session_updated() -> Response:
    """Cloudonix's update of a session."""
    return _receive(SESSION_UPDATE)


@blueprint.route("/cdr", methods=["POST"])
@described(detail_record.DetailRecordSchema)
def cdr() -> Response:
    """Cloudonix's detail record of a call that is over."""
    return _receive(CDR)


def _receive(endpoint: Endpoint) -> Response:
    body = read_body(request, forms=endpoint.forms)
    now = utcnow()
    organization_id = _authenticate(body, now)
    structlog.contextvars.bind_contextvars(organization_id=organization_id)
    # after the proof, so that nobody can use up another's limit
    enforce("sender", current_settings().webhook_rate_limit, organization_id)
    return _handle(endpoint, organization_id, body, now)


def _authenticate(body: Body, now: datetime) -> str:
    try:
        proofs = senders.Proofs.of(request.headers)
        return _known_senders().authenticate(body.payload, proofs, body.raw, now, unseal=current_seal().open)
    except senders.DomainMissing:
        refuse(400, "DOMAIN_MISSING", "The payload names no domain.")
    except senders.Unauthenticated:
        refuse(401, "UNAUTHENTICATED", "The domain, the key or the signature is wrong.", headers=_CHALLENGE)
    except senders.OrganizationSuspended:
        refuse(403, "ORGANIZATION_INACTIVE", "This organization is suspended.")
    except UnreadableSecretError as error:
        log.warning("a sender's signature cannot be checked", error=str(error))
        refuse(503, "SECRET_UNREADABLE", "The signature cannot be checked now; send it again.", retry_after=30)


def _known_senders() -> senders.Senders:
    known: senders.Senders = current_app.extensions["opbx_senders"]
    return known


_CHALLENGE = {"WWW-Authenticate": "Bearer"}


def _handle(endpoint: Endpoint, organization_id: str, body: Body, now: datetime) -> Response:
    """Read the body of an authenticated sender and apply what it says."""
    try:
        signal = endpoint.read(body.payload, now)
    except ValidationError as error:
        refuse(422, "VALIDATION_FAILED", "Some fields are not usable.", details=error.messages_dict)
    if signal is None:
        return Response(status=204)
    structlog.contextvars.bind_contextvars(call_id=signal.call_id)
    key = ReceiptKey(
        organization_id=organization_id,
        endpoint=endpoint.name,
        idempotency_key=idempotency_key(request.headers.get("X-Idempotency-Key"), body.payload, body.raw),
    )
    try:
        return _respond(*retrying(lambda: _apply(endpoint, key, signal, now)))
    except IntegrityError:  # the organization is being deleted
        refuse(503, "DATABASE_BUSY", "The change met another one; send the request again.", retry_after=30)


def _apply(endpoint: Endpoint, key: ReceiptKey, signal: CallSignal, now: datetime) -> tuple[Answer, bool]:
    """The answer, and whether it is that of an earlier delivery of the same webhook."""
    try:
        with transactions().begin() as transaction:
            receipt = Receipt(transaction, key)
            outcome = apply(
                transaction, key.organization_id, signal, now, lambda it: receipt.keep(_answer(endpoint, it), now)
            )
    except AlreadyAnswered as error:
        g.webhook_outcome = "duplicate"
        return error.answer, True
    TRANSITIONS.labels(outcome.step.value, outcome.status.value).inc()
    log.debug("webhook applied", endpoint=endpoint.name, step=outcome.step.value, status=outcome.status.value)
    return _answer(endpoint, outcome), False


def _answer(endpoint: Endpoint, outcome: Outcome) -> Answer:
    if endpoint.quiet and outcome.step is Step.REPEAT and not outcome.changed:
        return Answer(204, {})
    return Answer(200, {"call_id": outcome.call_id, "status": outcome.status.value})


def _respond(answer: Answer, duplicate: bool) -> Response:
    if answer.status_code == 204:  # nothing was confirmed, and nothing is to be
        return Response(status=204)
    response = jsonify(answer.body | {"duplicate": duplicate})
    response.status_code = answer.status_code
    return response
