"""/api/v1/delivery: how far the organization's events are, and what others may not see."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from opbx import create_app
from opbx.broadcasting.models import BroadcastEvent, ChannelCursor, ChannelHead
from opbx.database import utcnow
from opbx.identity.models import Organization, Role
from opbx.settings import Settings
from tests import factories


def ask(client: FlaskClient, session: Session, organization: Organization, role: Role = Role.OWNER) -> Any:
    user = factories.make_user(session, organization, role=role)
    return client.get("/api/v1/delivery", headers=factories.bearer(factories.make_token(session, user)))


def add(session: Session, organization: Organization, committed: int, delivered: int) -> None:
    channel = f"presence.org.{organization.id}"
    session.add(ChannelHead(channel=channel, sequence=committed))
    session.add(ChannelCursor(channel=channel, sequence=delivered))
    for sequence in range(1, committed + 1):
        made = utcnow() - timedelta(seconds=60 * (committed - sequence) + 30)
        session.add(BroadcastEvent(channel=channel, sequence=sequence, name="call.ended", payload={}, created_at=made))
    session.commit()


def test_what_waits(client: FlaskClient, session: Session, organization: Organization) -> None:
    add(session, organization, committed=5, delivered=3)
    add(session, factories.make_organization(session), committed=9, delivered=0)
    found = ask(client, session, organization).get_json()
    assert (found["committed"], found["delivered"], found["behind"], found["failed"]) == (5, 3, 2, 0)
    assert (found["oldest"]["name"], found["oldest"]["sequence"]) == ("call.ended", 4)
    assert 90 <= found["oldest"]["age_seconds"] < 120
    assert found["queues"] == {"broadcasts": 0, "webhooks": 0, "maintenance": 0}
    assert found["links"] == {"flower": None, "grafana": None}


def test_nothing_has_happened_yet(client: FlaskClient, session: Session, organization: Organization) -> None:
    found = ask(client, session, organization).get_json()
    assert (found["committed"], found["behind"], found["oldest"]) == (0, 0, None)


def test_a_broker_that_is_away_is_told_as_unknown(
    settings: Settings, session: Session, organization: Organization
) -> None:
    away = replace(settings, broker_url="redis://127.0.0.1:1/0", flower_url="https://flower.test")
    found = ask(create_app(away).test_client(), session, organization).get_json()
    assert found["queues"] is None
    assert found["links"]["flower"] == "https://flower.test"


@pytest.mark.parametrize("role", [Role.PBX_USER, Role.REPORTER])
def test_others_are_not_told(client: FlaskClient, session: Session, organization: Organization, role: Role) -> None:
    assert ask(client, session, organization, role).status_code == 403
