"""A sender for tests: posts what real senders post, with the proofs of a sender key."""

import hmac
import time
from copy import deepcopy
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from opbx.identity.models import Organization
from tests import factories

VOICE_REQUEST: dict[str, Any] = {
    "CallSid": "697f1777517e4007b13f3ee1939b626c",
    "Session": "697f1777517e4007b13f3ee1939b626c",
    "Domain": "acme.cloudonix.net",
    "From": "+12127773456",
    "To": "+18005556789",
    "Direction": "inbound",
    "CallStatus": "ringing",
    "ApiVersion": "1",
}
CALL_INITIATED: dict[str, Any] = {
    "call_id": "abc-123",
    "from": "+14155551234",
    "to": "+14155559876",
    "did": "+14155559876",
    "timestamp": 1703123456,
    "direction": "inbound",
    "status": "initiated",
    "domain": "acme.cloudonix.net",
}
CALL_STATUS: dict[str, Any] = {
    "call_id": "abc-123",
    "status": "answered",
    "timestamp": 1703123461,
    "duration": 0,
    "answer_time": 1703123461,
    "extension": "101",
    "disconnect_reason": "normal",
    "domain": "acme.cloudonix.net",
}
SESSION_UPDATE: dict[str, Any] = {
    "id": 9844644,
    "domainId": 3,
    "domain": "acme.cloudonix.net",
    "subscriberId": 372,
    "destination": "63121233333",
    "callerId": "12127773456",
    "direction": "incoming",
    "token": "16a7294c989b11e7b3d32b9edb8660c7",
    "createdAt": "2024-05-26T07:30:21Z",
    "modifiedAt": "2024-05-26T07:30:25Z",
    "timeLimit": None,
    "status": "connected",
    "vappServer": "172.24.41.58",
    "callStartTime": 1716708621946,
    "callAnswerTime": 1716708625343,
    "profile": {"callId": ["315d@1.2.3.4:5060"], "qos": {}},
    "action": "updated",
    "reason": "vapp",
    "eventId": "9e938c49-6c37-40c7-a6b0-c16a625088f2",
}
CDR: dict[str, Any] = {
    "timestamp": 1716239100,
    "domain": "acme.cloudonix.net",
    "from": "+12127773456",
    "to": "+18005556789",
    "disposition": "CONNECTED",
    "duration": 33,
    "billsec": 31,
    "call_id": "0b515a4c@1.2.3.4:5060",
    "owner": {"domain": {"name": "acme.cloudonix.net", "uuid": "d-1"}, "tenant": {"name": "acme", "uuid": "t-1"}},
    "session": {
        "id": 9812750,
        "token": "3caa3541",
        "domainId": 755,
        "status": "connected",
        "callStartTime": 1716239100387,
        "callAnswerTime": 1716239102610,
        "callEndTime": 1716239134343,
    },
}
SAMPLES = {
    "call-initiated": CALL_INITIATED,
    "call-status": CALL_STATUS,
    "session-update": SESSION_UPDATE,
    "cdr": CDR,
}


def changed(sample: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A copy of `sample` with other fields; those given as `...` are left out."""
    copy = deepcopy(sample) | fields
    return {name: value for name, value in copy.items() if value is not ...}


@dataclass(frozen=True)
class Sender:
    client: FlaskClient
    organization: Organization

    def post(self, endpoint: str, payload: Any, headers: dict[str, str] | None = None, **more: Any) -> TestResponse:
        """Post `payload` (bytes as they are) by the Bearer key."""
        body = payload if isinstance(payload, bytes) else orjson.dumps(payload)
        proofs = {"Authorization": f"Bearer {factories.SENDER_KEY}"} if headers is None else headers
        more.setdefault("content_type", "application/json")
        return self.client.post(url(endpoint), data=body, headers=proofs, **more)


def url(endpoint: str) -> str:
    return f"/api/webhooks/cloudonix/{endpoint}"


def signature(body: bytes, *, secret: str = factories.SIGNING_SECRET, age: int = 0) -> dict[str, str]:
    """The headers of a stamped signature, `age` seconds old."""
    timestamp = str(int(time.time()) - age)
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, sha256).hexdigest()
    return {"X-Cloudonix-Signature": digest, "X-Cloudonix-Timestamp": timestamp}
