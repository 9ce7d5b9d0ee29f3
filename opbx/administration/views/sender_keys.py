"""/api/v1/sender-keys: what telephony senders prove themselves with, and how one is pointed here."""

from datetime import timedelta
from typing import Any

from flask import Response, url_for

from opbx.administration.schemas import (
    IssuedSenderKeySchema,
    RotationSchema,
    SenderKeysSchema,
    WantedSenderKeySchema,
)
from opbx.api import Blueprint
from opbx.extensions import db
from opbx.identity import sender_keys
from opbx.identity.authentication import current_user
from opbx.identity.authorization import MANAGERS, refuse_programs, restricted
from opbx.identity.changes import change
from opbx.identity.models import Organization, SenderKey
from opbx.identity.sealing import current_seal
from opbx.identity.sender_keys import IssuedSenderKey

blueprint = Blueprint(
    "sender-keys", __name__, url_prefix="/api/v1/sender-keys", description="Keys of telephony senders"
)

_NO_KEY = "The organization has no such key"

#: Webhooks by what a sender calls them, and the views that receive them.
_WEBHOOKS = {
    "call-initiated": "webhooks.call_initiated",
    "call-status": "webhooks.call_status",
    "session-update": "webhooks.session_updated",
    "cdr": "webhooks.cdr",
}

_HEADERS = {
    "Authorization": "Bearer <key>",
    "X-Cloudonix-Timestamp": "seconds since 1970, within 300 of the present",
    "X-Cloudonix-Signature": "hex HMAC-SHA256, with the signing secret, of the timestamp, a dot and the raw body",
}


@blueprint.route("")
@restricted(MANAGERS)
@blueprint.response(200, SenderKeysSchema)
def listing() -> dict[str, Any]:
    """The keys that are good now, and how a sender is pointed here. A sender needs a key or a signature."""
    organization = current_user().organization
    found = sender_keys.list_sender_keys(db.session, organization.id)
    return {"data": [_shown(key) for key in found], "pointing": _pointing(organization)}


@blueprint.route("", methods=["POST"])
@restricted(MANAGERS)
@blueprint.arguments(WantedSenderKeySchema)
@blueprint.response(201, IssuedSenderKeySchema)
def create(wanted: dict[str, Any]) -> dict[str, Any]:
    """Make a key, a signing secret, or both; they are shown this once."""
    refuse_programs()
    user = current_user()
    with change():
        return _issued(sender_keys.create_sender_key(db.session, current_seal(), user.organization, by=user, **wanted))


@blueprint.route("/<key_id>/rotate", methods=["POST"])
@restricted(MANAGERS)
@blueprint.arguments(RotationSchema)
@blueprint.response(201, IssuedSenderKeySchema)
@blueprint.alt_response(404, description=_NO_KEY)
@blueprint.alt_response(409, description="The key ends already")
def rotate(wanted: dict[str, int], key_id: str) -> dict[str, Any]:
    """Make a key in place of another one, which stays good for a while: senders change over without a gap."""
    refuse_programs()
    user, overlap = current_user(), timedelta(hours=wanted["overlap_hours"])
    with change():
        return _issued(
            sender_keys.rotate_sender_key(
                db.session, current_seal(), user.organization, key_id, overlap=overlap, by=user
            )
        )


@blueprint.route("/<key_id>", methods=["DELETE"])
@restricted(MANAGERS)
@blueprint.response(204)
@blueprint.alt_response(404, description=_NO_KEY)
def revoke(key_id: str) -> Response:
    """Refuse a key from now on."""
    user = current_user()
    with change():
        sender_keys.revoke_sender_key(db.session, key_id, organization_id=user.organization_id, by=user)
    return Response(status=204)


def _issued(issued: IssuedSenderKey) -> dict[str, Any]:
    return {
        "key": issued.key,
        "signing_secret": issued.signing_secret,
        "sender_key": _shown(issued.record),
    }


def _shown(key: SenderKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "bearer": key.key_hash is not None,
        "signing": key.sealed_secret is not None,
        "allow_unstamped": key.allow_unstamped,
        "created_at": key.created_at,
        "ends_at": key.revoked_at,
    }


def _pointing(organization: Organization) -> dict[str, Any]:
    webhooks = [{"name": name, "url": url_for(view, _external=True)} for name, view in _WEBHOOKS.items()]
    return {
        "domain": organization.domain,
        "domain_uuid": organization.domain_uuid,
        "webhooks": webhooks,
        "headers": _HEADERS,
    }
