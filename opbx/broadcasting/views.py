"""/broadcasting/auth: signs a user's subscription to a channel, where the channel's rule allows it."""

from collections.abc import Mapping
from typing import Any

import orjson
from flask import Request
from marshmallow import Schema

from opbx.api import Blueprint, BodyParser
from opbx.broadcasting import rules as _rules  # noqa: F401  (declares the channels)
from opbx.broadcasting.channels import Verdict, authorize
from opbx.broadcasting.schemas import AuthorizationSchema, SubscriptionSchema
from opbx.database import utcnow
from opbx.errors import refuse
from opbx.extensions import current_settings
from opbx.identity.authentication import authenticated, current_token, current_user
from opbx.pusher.channels import parse_channel
from opbx.pusher.signatures import subscription_auth

_FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


class _FormOrJson(BodyParser):
    """pusher-js sends a form, other clients JSON."""

    def load_form(self, req: Request, schema: Schema) -> Any:
        if req.is_json:
            return self.load_json(req, schema)
        if req.mimetype and req.mimetype not in _FORMS:
            refuse(415, "UNSUPPORTED_MEDIA_TYPE", "The body must be a form or JSON.")
        return super().load_form(req, schema)


class _Blueprint(Blueprint):
    ARGUMENTS_PARSER = _FormOrJson()


blueprint = _Blueprint("broadcasting", __name__, description="Subscribing to channels")


@blueprint.route("/broadcasting/auth", methods=["POST"])
@blueprint.route("/api/v1/broadcasting/auth", methods=["POST"])
@blueprint.doc(requestBody={"content": {"application/json": {"schema": SubscriptionSchema}}})
@authenticated
@blueprint.arguments(SubscriptionSchema, location="form")
@blueprint.response(200, AuthorizationSchema)
@blueprint.alt_response(403, description="No rule lets the caller subscribe to the channel")
def authorize_subscription(subscription: dict[str, Any]) -> dict[str, str]:
    """Sign a subscription to a private or presence channel, for the connection that the socket id names."""
    socket_id, wire = subscription["socket_id"], subscription["channel_name"]
    name = parse_channel(wire)
    verdict = authorize(current_user(), name) if name else None
    if not verdict:
        # one answer for a foreign channel and for one that does not exist: nobody learns which it was
        refuse(403, "CHANNEL_REFUSED", "You may not subscribe to this channel.")
    channel_data = orjson.dumps(_channel_data(verdict, subscription["resume"])).decode()
    pusher = current_settings().pusher
    return {
        "auth": subscription_auth(pusher.key, pusher.secret, socket_id, wire, channel_data),
        "channel_data": channel_data,
    }


def _channel_data(verdict: Verdict, resume: int | None) -> dict[str, Any]:
    """What the relay is to know of the subscription (see `opbx.pusher.subscriptions.ChannelData`)."""
    user, token = current_user(), current_token()
    data: dict[str, Any] = {
        # the socket lives as long as what it was opened on
        "grant": {
            "token": token.id,
            "user": user.id,
            "organization": user.organization_id,
            "expires": int(token.expires_at.timestamp()),
            "signed": round(utcnow().timestamp(), 3),
        }
    }
    if isinstance(verdict, Mapping):
        # user_id must be a string: the relay tells members apart by it
        data |= {"user_id": str(verdict["id"]), "user_info": dict(verdict)}
    if resume is not None:
        data["resume"] = resume
    return data
