"""The commands, as an operator types them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from opbx.broadcasting.models import BroadcastEvent
from opbx.identity.models import AuditEntry, DidNumber, Extension, Organization, Role, SenderKey, User, UserStatus
from opbx.identity.tokens import digest
from opbx.operations import access, demo
from tests import factories

Run = Callable[..., Result]


@pytest.fixture
def run(app: Flask) -> Run:
    def run(*arguments: str, fails: bool = False) -> Result:
        result = app.test_cli_runner().invoke(args=arguments)
        assert (result.exit_code != 0) is fails, result.output
        return result

    return run


def test_an_organization_with_all_that_belongs_to_it(run: Run, session: Session) -> None:
    run("organizations", "create", "Acme", "--domain", "acme.test", "--domain-uuid", "abc-123")
    run(
        "users",
        "create",
        "ann@acme.test",
        "-o",
        "acme",
        "--name",
        "Ann",
        "--role",
        "owner",
        "--password",
        "long enough",
    )
    run("dids", "create", "+15551234567", "-o", "acme.test", "--name", "Sales")
    run("extensions", "create", "101", "-o", "acme", "--user", "ann@acme.test")
    organization = session.scalars(select(Organization)).one()
    user = session.scalars(select(User)).one()
    assert (organization.slug, organization.domain_uuid) == ("acme", "abc-123")
    assert (user.organization_id, user.role) == (organization.id, Role.OWNER)
    assert session.scalars(select(DidNumber)).one().friendly_name == "Sales"
    assert session.scalars(select(Extension)).one().user_id == user.id
    assert "acme.test" in run("organizations", "list").output
    assert "ann@acme.test\towner\tactive\tAnn" in run("users", "list", "-o", "acme").output
    run("users", "deactivate", "ann@acme.test")
    session.rollback()
    assert user.status is UserStatus.INACTIVE


def test_a_sender_key_is_shown_and_revoked(run: Run, session: Session, organization: Organization) -> None:
    output = run("sender-keys", "create", "-o", organization.slug, "--name", "PBX", "--key", "chosen by hand").output
    assert "chosen by hand" in output
    record = session.scalars(select(SenderKey)).one()
    assert record.key_hash == digest("chosen by hand")
    run("sender-keys", "revoke", record.id)
    session.rollback()
    assert record.revoked_at is not None


@pytest.mark.parametrize(
    "arguments",
    [
        ("organizations", "create", "Acme", "--domain", "no domain"),
        ("users", "create", "a@b.test", "-o", "nowhere", "--name", "A", "--password", "long enough"),
        ("users", "list", "-o", "nowhere"),
        ("users", "deactivate", "nobody@b.test"),
        ("sender-keys", "revoke", "nonsense"),
        ("dids", "create", "0800", "-o", "nowhere"),
        ("trigger", "-o", "nowhere"),
    ],
)
def test_what_is_refused_is_told_in_one_line(run: Run, session: Session, arguments: tuple[str, ...]) -> None:
    output = run(*arguments, fails=True).output
    assert output.startswith("Error: ")
    assert output.count("\n") == 1
    assert session.scalars(select(Organization)).all() == []


class TestDemo:
    @pytest.fixture(autouse=True)
    def _own_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(access, "ACCESS_FILE", tmp_path / "var" / "demo.json")

    def test_seeding_twice_changes_nothing_and_shows_the_same(self, run: Run, session: Session) -> None:
        first = run("seed-demo").output
        assert run("seed-demo").output == first
        assert "owner@demo.opbx.test, agent@demo.opbx.test" in first
        assert sorted(session.scalars(select(Organization.slug))) == ["demo", "other"]
        assert len(session.scalars(select(User)).all()) == 4
        assert len(session.scalars(select(SenderKey)).all()) == 2
        assert access.ACCESS_FILE.stat().st_mode & 0o777 == 0o600

    def test_the_environment_s_password_and_key_open_the_demo(
        self, app: Flask, client: FlaskClient, session: Session
    ) -> None:
        for password in ("pw", "another one"):
            given = access.Access(password=password, sender_key="key of the demo")
            demo.seed(session, factories.SEAL, given)
            session.commit()
            answer = client.post("/api/v1/auth/login", json={"email": "agent@other.opbx.test", "password": password})
            assert answer.status_code == 200
        key = session.scalars(select(SenderKey)).first()
        assert key is not None
        assert key.key_hash == digest("key of the demo")
        assert factories.SEAL.open(key.sealed_secret or "") == "key of the demo"

    def test_simulated_organizations_follow_the_demo_s(self, session: Session) -> None:
        given = access.Access(password="pw", sender_key="key of the demo")
        domains = [organization.domain for organization in demo.seed_simulated(session, factories.SEAL, given, 3)]
        assert domains == ["demo.opbx.test", "other.opbx.test", "simulated-3.opbx.test"]
        assert len(demo.seed_simulated(session, factories.SEAL, given, 1)) == 1


def test_trigger_takes_a_call_through_its_events(run: Run, session: Session) -> None:
    organization = factories.make_organization(session)
    extension = factories.make_extension(session, organization, "101")
    made_up = run("trigger", "-o", organization.slug)
    call_id = made_up.output.split()[0]
    assert made_up.output == f"{call_id} is initiated (forward)\n"
    run("trigger", "call.answered", "-o", organization.slug, "--call-id", call_id, "--extension", "101")
    run("trigger", "call.ended", "-o", organization.slug, "--call-id", call_id)
    events = session.scalars(select(BroadcastEvent).order_by(BroadcastEvent.sequence)).all()
    assert [event.name for event in events] == ["call.initiated", "call.answered", "call.ended"]
    assert {event.payload["call_id"] for event in events} == {call_id}
    assert events[1].payload["extension_id"] == extension.id


def test_trigger_tells_again_what_has_happened_before(run: Run, session: Session) -> None:
    organization = factories.make_organization(session)
    call_id = run("trigger", "-o", organization.slug).output.split()[0]
    again = run("trigger", "call.initiated", "-o", organization.slug, "--call-id", call_id)
    assert again.output == f"{call_id} is initiated; call.initiated is told again\n"
    first, second = session.scalars(select(BroadcastEvent).order_by(BroadcastEvent.sequence)).all()
    assert (first.name, first.payload) == (second.name, second.payload)
    assert second.sequence == first.sequence + 1


def test_what_the_operator_does_is_written_down(run: Run, session: Session) -> None:
    organization = factories.make_organization(session, slug="acme")
    run("users", "create", "ann@acme.test", "-o", "acme", "--name", "Ann", "--password", "long enough")
    run("users", "deactivate", "ann@acme.test")
    run("users", "activate", "ann@acme.test")
    run("organizations", "suspend", "acme")
    run("organizations", "activate", "acme")
    run("sender-keys", "create", "-o", "acme", "--name", "PBX")
    entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [(entry.action, entry.subject) for entry in entries] == [
        ("user.created", "ann@acme.test"),
        ("user.deactivated", "ann@acme.test"),
        ("user.activated", "ann@acme.test"),
        ("organization.suspended", None),
        ("organization.activated", None),
        ("sender_key.created", "PBX"),
    ]
    assert {(entry.organization_id, entry.actor, entry.address) for entry in entries} == {(organization.id, None, None)}
