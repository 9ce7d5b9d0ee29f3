"""/api/v1/audit-log: who logged in, and who changed people, passwords, roles, tokens and keys."""

from typing import Any

from opbx.administration.schemas import AuditLogSchema, AuditQuerySchema
from opbx.api import Blueprint
from opbx.errors import refuse
from opbx.extensions import db
from opbx.identity import audit
from opbx.identity.accounts import is_id
from opbx.identity.authentication import current_user
from opbx.identity.authorization import OWNERS, restricted

blueprint = Blueprint("audit", __name__, url_prefix="/api/v1", description="Who did what")


@blueprint.route("/audit-log")
@restricted(OWNERS)
@blueprint.arguments(AuditQuerySchema, location="query")
@blueprint.response(200, AuditLogSchema)
def listing(query: dict[str, Any]) -> dict[str, Any]:
    """What happened, newest first; it is kept for a year."""
    user_id = query.pop("user", None)
    if user_id is not None and not is_id(user_id):
        refuse(422, "VALIDATION_FAILED", "Some fields are not usable.", details={"user": ["Not a user's id."]})
    try:
        page = audit.list_entries(
            db.session, current_user().organization_id, actions=query.pop("action", ()), user_id=user_id, **query
        )
    except audit.InvalidCursor as error:
        refuse(422, "VALIDATION_FAILED", "Some fields are not usable.", details={"cursor": [str(error)]})
    return {"data": page.entries, "next_cursor": page.next_cursor}
