"""What every database session of the product shares: the declarative base, UTC times, SQLite's manners.

SQLite is the embedded default, PostgreSQL is for production; code above this module does not ask which.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import CursorResult, DateTime, Delete, Engine, MetaData, Table, Update, create_engine, event
from sqlalchemy.engine import Connection, Dialect, make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import DeclarativeBase, Session, scoped_session
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator

#: Execution option of a connection whose transaction will write.
WRITES = "opbx_writes"

#: Seconds to wait for SQLite's single writer, and for a PostgreSQL server to accept a connection.
BUSY_TIMEOUT = 5
CONNECT_TIMEOUT = 3

#: Seconds for which an idle PostgreSQL connection is taken to be alive.
TRUSTED_IDLE = 2.0


class Base(DeclarativeBase):
    """Base of all models. Constraints have predictable names, so that migrations can alter them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def table_of(model: type[DeclarativeBase]) -> Table:
    """The model's table, for statements that bypass the ORM."""
    table = model.__table__
    assert isinstance(table, Table)  # noqa: S101 - for the type checker: a model could map a join
    return table


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, stored in UTC; SQLite, which knows no zones, gets it naive. Naive values are refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime has no place in the database: give it a zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def utcnow() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def engine_options(url: str) -> dict[str, Any]:
    """Keyword arguments for `create_engine` that suit the database behind `url`."""
    if make_url(url).get_backend_name() == "sqlite":
        return {"hide_parameters": True, "connect_args": {"timeout": BUSY_TIMEOUT, "check_same_thread": False}}
    return {
        "hide_parameters": True,  # an error's text is logged, and they are people's numbers and names
        "pool_size": 16,
        "max_overflow": 16,
        "pool_timeout": 5,
        "connect_args": {
            "connect_timeout": CONNECT_TIMEOUT,
            "options": "-c timezone=utc -c lock_timeout=5s",
            # psycopg prepares nothing: whenever it rolls back it would forget all that is prepared on the connection,
            # and what the pipeline has prepared there with it (DEALLOCATE ALL).
            "prepare_threshold": None,
        },
    }


def open_engine(url: str) -> Engine:
    """An engine for processes without Flask (workers, tools)."""
    engine = create_engine(url, **engine_options(url))
    mind(engine)
    return engine


def mind(engine: Engine) -> None:
    """Teach the engine the manners of its database."""
    if engine.dialect.name == "sqlite":
        _mind_sqlite(engine)
    else:
        _mind_idle_connections(engine)


def _mind_idle_connections(engine: Engine) -> None:
    """Ask a pooled connection whether it lives, if it was idle for a while.

    Asking each time (`pool_pre_ping`) is a round trip more for each transaction; a server that restarts under load is
    noticed by the statement that fails, and all pooled connections are then given up at once.
    """

    @event.listens_for(engine, "checkin")
    def _checkin(_connection: Any, record: ConnectionPoolEntry) -> None:
        record.info["idle_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _checkout(connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
        idle_since = record.info.get("idle_since")
        if idle_since is None or time.monotonic() - idle_since < TRUSTED_IDLE:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error  # the pool opens another one


def _mind_sqlite(engine: Engine) -> None:
    """Make SQLite behave: WAL, foreign keys, and real transactions that take the writer's lock at BEGIN.

    A deferred transaction that reads and then writes fails at once with SQLITE_BUSY when another writer
    came between, whatever the busy timeout; BEGIN IMMEDIATE waits its turn instead.
    """

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver's own BEGIN is in the way of ours
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection for a single statement that only reads: on PostgreSQL without BEGIN and ROLLBACK around it."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execution_options(isolation_level="AUTOCOMMIT")
        yield connection


#: A session of its own (workers, tests), or Flask's one per request.
AnySession = Session | scoped_session[Any]


@contextmanager
def write_transaction(session: AnySession) -> Iterator[None]:
    """Commit what happens inside, or roll all of it back. The session must not be in a transaction yet.

    A read that came before (authentication, say) must be ended with `session.rollback()` or `commit()`:
    its snapshot is no base for a write.
    """
    session.connection(execution_options={WRITES: True})
    try:
        yield
        session.commit()
    except BaseException:
        session.rollback()
        raise


def change_chosen(session: AnySession, statement: Delete | Update) -> int:
    """Delete or update by `statement` past the ORM, and return how many rows there were."""
    done = session.execute(statement.execution_options(synchronize_session=False))
    return cast("CursorResult[Any]", done).rowcount
