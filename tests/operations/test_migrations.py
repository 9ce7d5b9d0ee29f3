"""The migrations make exactly the tables that the models describe, on both databases."""

import logging
from collections.abc import Iterator
from pathlib import Path

import flask_migrate
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text

from opbx import create_app
from opbx.database import Base
from opbx.extensions import db
from opbx.settings import Settings
from tests.postgres import PostgresServer


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'migrated.sqlite3'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    admin = create_engine(server.url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("CREATE DATABASE migrated"))
    yield server.url.rpartition("/")[0] + "/migrated"
    with admin.connect() as connection:
        connection.execute(text("DROP DATABASE migrated"))
    admin.dispose()


def test_up_matches_the_models_and_down_leaves_nothing(empty_url: str) -> None:
    app = create_app(Settings(environment="test", database_url=empty_url, broker_url="memory://"))
    logging.getLogger("alembic").setLevel(logging.WARNING)
    with app.app_context():
        flask_migrate.upgrade()
        flask_migrate.upgrade()  # nothing left to do
        with db.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, Base.metadata) == []
        flask_migrate.downgrade(revision="base")
        assert inspect(db.engine).get_table_names() == ["alembic_version"]
        db.engine.dispose()


def test_what_is_there_is_carried_over(empty_url: str) -> None:
    """Secrets are sealed and opened again, and nothing that refers to a changed table is lost on the way."""
    app = create_app(Settings(environment="test", database_url=empty_url, broker_url="memory://"))
    logging.getLogger("alembic").setLevel(logging.WARNING)
    with app.app_context():
        flask_migrate.upgrade(revision="0002")
        with db.engine.begin() as connection:
            for statement in _BEFORE:
                connection.execute(text(statement))
        flask_migrate.upgrade()
        with db.engine.connect() as connection:
            sealed, none = connection.scalars(text("SELECT sealed_secret FROM sender_keys ORDER BY name")).all()
            assert app.extensions["opbx_seal"].open(sealed) == "their secret"
            assert none is None
            assert connection.scalars(text("SELECT kind FROM api_tokens")).all() == ["login"]
        flask_migrate.downgrade(revision="0002")
        with db.engine.connect() as connection:
            secrets = connection.scalars(text("SELECT signing_secret FROM sender_keys ORDER BY name")).all()
            assert secrets == ["their secret", None]
            assert len(connection.scalars(text("SELECT id FROM api_tokens")).all()) == 1
        flask_migrate.downgrade(revision="base")
        db.engine.dispose()


_ID = "0000000000004000800000000000000{}".format
_NOW = "'2026-11-24 00:00:00+00:00'"
_BEFORE = [
    "INSERT INTO organizations (id, name, slug, status, timezone, domain, domain_uuid, created_at) "
    f"VALUES ('{_ID(1)}', 'Acme', 'acme', 'active', 'UTC', 'acme.test', '{_ID(1)}', {_NOW})",
    "INSERT INTO users (id, organization_id, name, email, password_hash, role, status, created_at) "
    f"VALUES ('{_ID(2)}', '{_ID(1)}', 'Ann', 'ann@acme.test', '', 'owner', 'active', {_NOW})",
    "INSERT INTO api_tokens (id, user_id, name, token_hash, expires_at, created_at) "
    f"VALUES ('{_ID(3)}', '{_ID(2)}', 'a', 'x', {_NOW}, {_NOW})",
    *(
        "INSERT INTO sender_keys (id, organization_id, name, signing_secret, allow_unstamped, created_at) "
        f"VALUES ('{_ID(number)}', '{_ID(1)}', 'key {number}', {secret}, FALSE, {_NOW})"
        for number, secret in ((4, "'their secret'"), (5, "NULL"))
    ),
]
