"""The tests of webhooks run on SQLite and on PostgreSQL."""

from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from opbx.identity.models import Organization
from opbx.settings import Settings
from tests import factories
from tests.telephony.senders import Sender


@pytest.fixture
def settings(settings: Settings, database_url: str) -> Settings:
    return replace(settings, database_url=database_url)


@pytest.fixture
def organization(session: Session) -> Organization:
    return factories.make_organization(session, domain="acme.cloudonix.net", domain_uuid="d-1")


@pytest.fixture
def sender(client: FlaskClient, session: Session, organization: Organization) -> Sender:
    factories.make_sender_key(session, organization)
    return Sender(client, organization)
