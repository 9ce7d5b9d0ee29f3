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
