"""/api/v1/sender-keys: what is made proves a sender, what is replaced stays for a while, what is revoked does not."""

import hmac
import time
from datetime import timedelta
from hashlib import sha256
from typing import Any

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from opbx.database import utcnow
from opbx.identity.models import AuditEntry, Role, SenderKey, User
from opbx.identity.sealing import Seal
from tests import factories
from tests.administration.conftest import Call


def send(client: FlaskClient, user: User, *, key: str = "", secret: str = "") -> int:
    """Post a webhook of the user's organization, as the pointing says; its status."""
    body = orjson.dumps({"CallSid": "c1", "Domain": user.organization.domain, "From": "+12127773456",
                         "To": "+18005556789", "Direction": "inbound", "CallStatus": "ringing"})  # fmt: skip
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    if secret:
        stamp = str(int(time.time()))
        headers["X-Cloudonix-Timestamp"] = stamp
        headers["X-Cloudonix-Signature"] = hmac.new(secret.encode(), stamp.encode() + b"." + body, sha256).hexdigest()
    path = "/api/webhooks/cloudonix/call-initiated"
    return client.post(path, data=body, content_type="application/json", headers=headers).status_code


def test_a_key_and_a_secret_prove_a_sender(client: FlaskClient, session: Session, call: Call, admin: User) -> None:
    made = call(admin, "POST", "/sender-keys", {"name": "Cloudonix"}, status=201).get_json()
    assert send(client, admin, key=made["key"]) == 200
    assert send(client, admin, secret=made["signing_secret"]) == 200
    assert send(client, admin, key="wrong") == 401
    record = session.scalars(select(SenderKey)).one()
    assert made["signing_secret"] not in (record.sealed_secret or "")
    listed = call(admin, "GET", "/sender-keys", status=200)
    assert made["key"] not in listed.text
    assert made["signing_secret"] not in listed.text
    assert listed.get_json()["data"] == [made["sender_key"]]


def test_how_a_sender_is_pointed_here(call: Call, admin: User) -> None:
    pointing = call(admin, "GET", "/sender-keys").get_json()["pointing"]
    assert pointing["domain"] == admin.organization.domain
    assert pointing["webhooks"][0] == {
        "name": "call-initiated",
        "url": "http://localhost/api/webhooks/cloudonix/call-initiated",
    }
    assert {webhook["name"] for webhook in pointing["webhooks"]} == {
        "call-initiated", "call-status", "session-update", "cdr",
    }  # fmt: skip


def test_a_replaced_key_is_good_for_the_overlap(client: FlaskClient, session: Session, call: Call, owner: User) -> None:
    old = call(owner, "POST", "/sender-keys", {"name": "PBX", "signing": False}).get_json()
    path = f"/sender-keys/{old['sender_key']['id']}"
    new = call(owner, "POST", f"{path}/rotate", {"overlap_hours": 2}, status=201).get_json()
    assert (new["sender_key"]["name"], new["signing_secret"]) == ("PBX", None)
    assert [send(client, owner, key=made["key"]) for made in (old, new)] == [200, 200]
    call(owner, "POST", f"{path}/rotate", {}, status=409)
    record = session.get_one(SenderKey, old["sender_key"]["id"])
    assert record.revoked_at
    assert timedelta(hours=1.9) < record.revoked_at - utcnow() < timedelta(hours=2)
    record.revoked_at = utcnow()
    session.commit()
    assert [send(client, owner, key=made["key"]) for made in (old, new)] == [401, 200]


def test_a_revoked_key_is_refused(client: FlaskClient, session: Session, call: Call, owner: User) -> None:
    made = call(owner, "POST", "/sender-keys", {"name": "PBX"}).get_json()
    call(owner, "DELETE", f"/sender-keys/{made['sender_key']['id']}", status=204)
    assert send(client, owner, key=made["key"]) == 401
    assert call(owner, "GET", "/sender-keys").get_json()["data"] == []
    written = session.execute(select(AuditEntry.action, AuditEntry.actor, AuditEntry.subject)).all()
    assert [tuple(row) for row in written] == [
        ("sender_key.created", owner.email, "PBX"),
        ("sender_key.revoked", owner.email, "PBX"),
    ]


def test_a_strangers_key_is_unknown(session: Session, call: Call, owner: User) -> None:
    stranger = factories.make_sender_key(session, factories.make_organization(session))
    for key_id in (stranger.id, "nonsense"):
        call(owner, "POST", f"/sender-keys/{key_id}/rotate", {}, status=404)
        call(owner, "DELETE", f"/sender-keys/{key_id}", status=404)
    assert session.get_one(SenderKey, stranger.id).revoked_at is None


@pytest.mark.parametrize("role", [Role.PBX_USER, Role.REPORTER])
def test_others_see_no_keys(session: Session, call: Call, owner: User, role: Role) -> None:
    other = factories.make_user(session, owner.organization, role=role)
    call(other, "GET", "/sender-keys", status=403)
    call(other, "POST", "/sender-keys", {"name": "PBX"}, status=403)


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "name"), ({"name": "x", "bearer": False, "signing": False}, "bearer"), ({"name": "x", "key": "y"}, "key")],
)
def test_unusable_fields_are_named(call: Call, owner: User, body: dict[str, Any], field: str) -> None:
    refused = call(owner, "POST", "/sender-keys", body, status=422)
    assert refused.get_json()["error"]["details"].keys() == {field}


def test_a_sender_is_told_to_come_again_while_its_secret_cannot_be_read(
    app: Flask, client: FlaskClient, call: Call, owner: User
) -> None:
    made = call(owner, "POST", "/sender-keys", {"name": "PBX"}).get_json()
    app.extensions["opbx_seal"] = Seal(["a key that the secret was not sealed with"])
    assert send(client, owner, secret=made["signing_secret"]) == 503
    assert send(client, owner, key=made["key"]) == 200
