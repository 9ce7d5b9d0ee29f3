"""Sender keys: what is stored, how one takes another's place, and how secrets are sealed anew."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from opbx.database import utcnow
from opbx.identity import accounts, sender_keys
from opbx.identity.models import Organization, SenderKey
from opbx.identity.sealing import Seal
from opbx.identity.tokens import digest
from tests import factories
from tests.factories import SEAL


def test_a_sender_key_is_shown_once_and_stored_hashed_or_sealed(session: Session, organization: Organization) -> None:
    issued = sender_keys.create_sender_key(session, SEAL, organization, name="PBX")
    assert issued.key
    assert issued.record.key_hash == digest(issued.key)
    sealed = issued.record.sealed_secret or ""
    assert issued.signing_secret not in {None, sealed}
    assert SEAL.open(sealed) == issued.signing_secret
    other = sender_keys.create_sender_key(session, SEAL, organization, name="PBX", key="chosen by hand", signing=False)
    assert other.key == "chosen by hand"
    assert (other.signing_secret, other.record.sealed_secret) == (None, None)
    with pytest.raises(accounts.InvalidFieldsError):
        sender_keys.create_sender_key(session, SEAL, organization, name="PBX", bearer=False, signing=False)


def test_a_sender_key_is_revoked_once_and_for_all(session: Session, organization: Organization) -> None:
    issued = sender_keys.create_sender_key(session, SEAL, organization, name="PBX")
    first = sender_keys.revoke_sender_key(session, issued.record.id).revoked_at
    assert first is not None
    assert sender_keys.revoke_sender_key(session, issued.record.id).revoked_at == first


@pytest.mark.parametrize("key_id", ["nonsense", "5f3c1c9e-7a52-4c7e-9d39-3b6c1d1f2a10"])
def test_an_unknown_sender_key_cannot_be_revoked(session: Session, key_id: str) -> None:
    with pytest.raises(accounts.NotFoundError):
        sender_keys.revoke_sender_key(session, key_id)


def test_a_replaced_key_is_listed_until_it_ends(session: Session, organization: Organization) -> None:
    old = factories.make_sender_key(session, organization)
    new = sender_keys.rotate_sender_key(session, SEAL, organization, old.id, overlap=timedelta(hours=1), by=None).record
    assert {key.id for key in sender_keys.list_sender_keys(session, organization.id)} == {old.id, new.id}
    old.revoked_at = utcnow() - timedelta(seconds=1)
    session.flush()
    assert [key.id for key in sender_keys.list_sender_keys(session, organization.id)] == [new.id]


def test_secrets_are_sealed_anew_by_command(app: Flask, session: Session, organization: Organization) -> None:
    key = factories.make_sender_key(session, organization, sealed_secret=Seal(["old"]).seal("theirs"))
    run = app.test_cli_runner().invoke
    refused = run(args=["sender-keys", "reseal"])
    assert (refused.exit_code, "OPBX_SECRET_KEY" in refused.output) == (1, True)
    app.extensions["opbx_seal"] = Seal(["new", "old"])
    assert run(args=["sender-keys", "reseal"]).output == "1 sealed anew\n"
    session.expire_all()
    assert Seal(["new"]).open(session.get_one(SenderKey, key.id).sealed_secret or "") == "theirs"
