"""Callers of each role, and a way to call as one of them."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from opbx.identity.models import Organization, Role, User
from tests import factories

#: `call(user, "POST", "/users", {...})`, with a login of that user.
Call = Callable[..., TestResponse]


@pytest.fixture
def owner(session: Session, organization: Organization) -> User:
    return factories.make_user(session, organization, role=Role.OWNER)


@pytest.fixture
def admin(session: Session, organization: Organization) -> User:
    return factories.make_user(session, organization, role=Role.PBX_ADMIN)


@pytest.fixture
def call(client: FlaskClient, session: Session) -> Call:
    def call(user: User, method: str, path: str, body: Any = None, /, *, status: int | None = None) -> TestResponse:
        session.rollback()
        headers = factories.bearer(factories.make_token(session, user))
        answer = client.open(f"/api/v1{path}", method=method, json=body, headers=headers)
        assert status is None or answer.status_code == status, answer.text
        session.rollback()
        session.expire_all()
        return answer

    return call
