"""Runs the migrations on the application's own engine, whatever its database."""

from alembic import context
from flask import current_app
from sqlalchemy import Connection, Engine

import opbx.broadcasting.models
import opbx.calls.models
import opbx.dead_letters.models
import opbx.identity.models
import opbx.telephony.models  # noqa: F401 - all tables must be known to compare them
from opbx.database import WRITES, UtcDateTime
from opbx.extensions import db


def render_item(kind, item, _autogen_context):
    """Write our column types as what they are in the database: a migration must not change with the code."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def configure(**target) -> None:
    context.configure(
        target_metadata=db.metadata,
        compare_type=True,
        render_item=render_item,
        process_revision_directives=skip_empty,
        **target,
    )


def skip_empty(_context, _revision, directives) -> None:
    """Write no revision when nothing has changed."""
    options = getattr(context.config, "cmd_opts", None)
    if getattr(options, "autogenerate", False) and directives[0].upgrade_ops.is_empty():
        directives.clear()


def migrate(engine: Engine) -> None:
    with engine.connect() as connection:
        lock(connection)
        # SQLite cannot alter most of a table: batch mode makes a new one and copies it.
        configure(connection=connection, render_as_batch=engine.dialect.name == "sqlite")
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


def lock(connection: Connection) -> None:
    """Let only one process migrate: several may start at the same time."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7269717)")
    else:
        connection.execution_options(**{WRITES: True})


if context.is_offline_mode():
    configure(url=current_app.config["SQLALCHEMY_DATABASE_URI"], literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    migrate(db.engine)
