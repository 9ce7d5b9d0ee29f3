"""/api/v1/numbers and /api/v1/extensions: the directory by which a call's numbers are known."""

from collections.abc import Sequence
from typing import Any

from flask import Response

from opbx.administration.schemas import (
    DidNumberSchema,
    DidNumbersSchema,
    ExtensionSchema,
    ExtensionsSchema,
    WantedExtensionSchema,
)
from opbx.api import Blueprint
from opbx.extensions import db
from opbx.identity import numbers, users
from opbx.identity.authentication import authenticated, current_user
from opbx.identity.authorization import MANAGERS, restricted
from opbx.identity.changes import change
from opbx.identity.models import DidNumber, Extension
from opbx.identity.schemas import NewDidNumberSchema

blueprint = Blueprint("directory", __name__, url_prefix="/api/v1", description="Public numbers and extensions")


@blueprint.route("/numbers")
@authenticated
@blueprint.response(200, DidNumbersSchema)
def list_numbers() -> dict[str, Sequence[DidNumber]]:
    """The organization's public numbers."""
    return {"data": numbers.list_did_numbers(db.session, current_user().organization_id)}


@blueprint.route("/numbers", methods=["POST"])
@restricted(MANAGERS)
@blueprint.arguments(NewDidNumberSchema)
@blueprint.response(201, DidNumberSchema)
@blueprint.alt_response(409, description="The organization has this number")
def create_number(wanted: dict[str, Any]) -> DidNumber:
    """Add a public number. Calls from now on are known by it."""
    user = current_user()
    with change():
        return numbers.create_did_number(db.session, user.organization, by=user, **wanted)


@blueprint.route("/numbers/<number_id>", methods=["DELETE"])
@restricted(MANAGERS)
@blueprint.response(204)
@blueprint.alt_response(404, description="The organization has no such number")
def delete_number(number_id: str) -> Response:
    """Remove a public number; calls keep it as text."""
    user = current_user()
    with change():
        numbers.delete_number(db.session, DidNumber, user.organization_id, number_id, by=user)
    return Response(status=204)


@blueprint.route("/extensions")
@authenticated
@blueprint.response(200, ExtensionsSchema)
def list_extensions() -> dict[str, Sequence[Extension]]:
    """The organization's extensions, with who answers them."""
    return {"data": numbers.list_extensions(db.session, current_user().organization_id)}


@blueprint.route("/extensions", methods=["POST"])
@restricted(MANAGERS)
@blueprint.arguments(WantedExtensionSchema)
@blueprint.response(201, ExtensionSchema)
@blueprint.alt_response(404, description="The organization has no such user")
@blueprint.alt_response(409, description="The organization has this extension")
def create_extension(wanted: dict[str, Any]) -> Extension:
    """Add an extension, answered by a user where one is given."""
    user, user_id = current_user(), wanted["user_id"]
    with change():
        answering = users.get_user(db.session, user.organization_id, user_id) if user_id else None
        return numbers.create_extension(db.session, user.organization, number=wanted["number"], user=answering, by=user)


@blueprint.route("/extensions/<extension_id>", methods=["DELETE"])
@restricted(MANAGERS)
@blueprint.response(204)
@blueprint.alt_response(404, description="The organization has no such extension")
def delete_extension(extension_id: str) -> Response:
    """Remove an extension; calls keep it as text."""
    user = current_user()
    with change():
        numbers.delete_number(db.session, Extension, user.organization_id, extension_id, by=user)
    return Response(status=204)
