"""The pipeline where no trip is saved: every statement runs at once, through SQLAlchemy."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine

from opbx.database import WRITES
from opbx.pipeline.statements import Statement


class _Answered:
    def __init__(self, rows: list[Any]) -> None:
        self._rows = rows

    def rows(self) -> list[Any]:
        return self._rows


class _Immediate:
    """Begins with the first statement."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def send(self, statement: Statement, /, **parameters: Any) -> _Answered:
        rows: list[Any] = []
        for core in statement.core(self._connection.dialect.name):
            done = self._connection.execute(core, parameters)
            rows = list(done) if done.returns_rows else []
        return _Answered(rows)

    def commit(self) -> None:
        """Only at the end."""

    def flush(self) -> None:
        """Nothing waits."""


class _Steps(_Immediate):
    """Commits every step at once, so that nobody waits for SQLite's one writer longer than need be."""

    def send(self, statement: Statement, /, **parameters: Any) -> _Answered:
        try:
            return super().send(statement, **parameters)
        except BaseException:
            self._connection.rollback()
            raise

    def commit(self) -> None:
        self._connection.commit()

    def flush(self) -> None:
        self._connection.commit()


@contextmanager
def transaction(engine: Engine) -> Iterator[_Immediate]:
    """One transaction, which holds SQLite's lock for writing from the start."""
    with engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
        yield _Immediate(connection)


@contextmanager
def steps(engine: Engine, *, writes: bool) -> Iterator[_Immediate]:
    """A transaction a step."""
    with engine.connect().execution_options(**{WRITES: writes}) as connection:
        yield _Steps(connection)
        connection.commit()
