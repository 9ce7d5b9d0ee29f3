"""Fixtures for all tests: settings on a temporary SQLite file, the web application, a session, a logged-in user."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import fakeredis
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

import opbx.broadcasting.models
import opbx.calls.models
import opbx.dead_letters.models
import opbx.telephony.models  # noqa: F401 - all tables must be known to create them
from opbx import create_app
from opbx.database import Base, open_engine
from opbx.identity.models import Organization, User
from opbx.pipeline import Transactions
from opbx.settings import PusherSettings, Settings
from tests import factories
from tests.postgres import database_url, postgres, postgres_tables  # noqa: F401 - fixtures

# Processes that tests start show no metrics, since their ports are everybody's; a test of metrics chooses its own.
for _port in ("WEB_METRICS_PORT", "WORKER_METRICS_PORT", "BEAT_METRICS_PORT"):
    os.environ.setdefault(_port, "0")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file's tests run in one process; all of the whole system's do, which share a stack that takes long to start."""
    for item in items:
        folder = item.path.parent
        item.add_marker(pytest.mark.xdist_group(str(folder if folder.name == "system" else item.path)))


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with all tables and no rows, made once and copied for each test."""
    path = tmp_path_factory.mktemp("database") / "empty.sqlite3"
    engine = open_engine(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    engine.dispose()
    return path


@pytest.fixture
def settings(empty_database: Path, tmp_path: Path) -> Settings:
    path = shutil.copy(empty_database, tmp_path / "opbx.sqlite3")
    return Settings(
        environment="test",
        database_url=f"sqlite:///{path}",
        redis_url="redis://127.0.0.1:1/0",  # nobody listens there: a unit test that needs Redis is given a fake
        broker_url="memory://",
        senders_remembered=0.0,
        pusher=PusherSettings(app_id="opbx", key="test-key", secret="test-secret", port=1),
    )


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    app = create_app(settings)
    yield app
    with app.app_context():
        app.extensions["sqlalchemy"].engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def session(settings: Settings) -> Iterator[Session]:
    """A session of its own on the application's database, for arranging and for looking at the outcome.

    What was read stays as it was read until `session.rollback()` or `commit()` begins a new snapshot.
    """
    engine = open_engine(settings.database_url)
    with Session(engine, expire_on_commit=False) as session:
        yield session
    engine.dispose()


@pytest.fixture
def transactions(settings: Settings) -> Iterator[Transactions]:
    """Transactions on the application's database, of which nobody is woken."""
    engine = open_engine(settings.database_url)
    yield Transactions(engine)
    engine.dispose()


@pytest.fixture
def redis() -> Iterator[fakeredis.FakeRedis]:
    with fakeredis.FakeRedis(server=fakeredis.FakeServer()) as redis:
        yield redis


@pytest.fixture
def organization(session: Session) -> Organization:
    return factories.make_organization(session)


@pytest.fixture
def user(session: Session, organization: Organization) -> User:
    return factories.make_user(session, organization)


@pytest.fixture
def headers(session: Session, user: User) -> dict[str, str]:
    """Of a request by `user`."""
    return factories.bearer(factories.make_token(session, user))
