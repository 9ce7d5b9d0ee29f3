"""One call as each of the three kinds of sender tells it: endpoint and body of every webhook, in order."""

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

Webhook = tuple[str, dict[str, Any]]

CALLER, CALLED = "+14155551234", "+18005550100"


def own_form(call_id: str, domain: str) -> list[Webhook]:
    """OPBX's own form: call-initiated and call-status."""
    now = int(time.time())
    call = {"call_id": call_id, "domain": domain, "from": CALLER, "to": CALLED, "direction": "inbound"}
    return [
        ("call-initiated", {**call, "did": CALLED, "timestamp": now - 30, "status": "initiated"}),
        ("call-status", {**call, "status": "answered", "timestamp": now - 25, "extension": "101"}),
        ("call-status", {**call, "status": "completed", "timestamp": now, "duration": 25}),
    ]


def voice_application(call_id: str, domain: str) -> list[Webhook]:
    """Cloudonix' voice request, then a session update and the detail record."""
    request = {
        "CallSid": call_id, "Session": call_id, "Domain": domain, "From": CALLER, "To": CALLED,
        "Direction": "inbound", "CallStatus": "ringing", "ApiVersion": "1",
    }  # fmt: skip
    return [("call-initiated", request), *session(call_id, domain)[1:]]


def session(call_id: str, domain: str) -> list[Webhook]:
    """Cloudonix' session updates, ended by the detail record."""
    start = int(time.time() * 1000) - 30_000
    update = {
        "id": 9844644, "domainId": 3, "domain": domain, "subscriberId": 372, "destination": CALLED, "callerId": CALLER,
        "direction": "incoming", "token": call_id, "createdAt": _iso(start), "modifiedAt": _iso(start),
        "status": "ringing", "callStartTime": start, "action": "updated", "reason": "vapp",
    }  # fmt: skip
    answered = {**update, "status": "connected", "callAnswerTime": start + 5000, "modifiedAt": _iso(start + 5000)}
    record = {
        "timestamp": start // 1000, "domain": domain, "from": CALLER, "to": CALLED, "disposition": "CONNECTED",
        "duration": 30, "billsec": 25, "call_id": f"{call_id}@1.2.3.4:5060",
        "owner": {"domain": {"name": domain}},
        "session": {
            "id": 9812750, "token": call_id, "domainId": 755, "status": "connected", "callStartTime": start,
            "callAnswerTime": start + 5000, "callEndTime": start + 30_000,
        },
    }  # fmt: skip
    return [
        ("session-update", {**update, "eventId": str(uuid4())}),
        ("session-update", {**answered, "eventId": str(uuid4())}),
        ("cdr", record),
    ]


Form = Callable[[str, str], list[Webhook]]

FORMS: dict[str, Form] = {"own form": own_form, "voice application": voice_application, "session updates": session}


def _iso(milliseconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(milliseconds / 1000))
