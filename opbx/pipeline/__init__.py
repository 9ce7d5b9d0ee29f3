"""Transactions whose statements travel together, for the few places that every webhook and every event passes.

A round trip to PostgreSQL costs a Python process more than most statements cost the server: it is woken up twice, gives
up the interpreter's lock and waits for it again. So a statement is only queued here, and goes out when somebody looks
at a reply, or with the COMMIT (libpq's pipeline mode). A webhook takes two round trips: BEGIN with its questions, and
all its changes with COMMIT. The statements are SQLAlchemy's, compiled once; `statements.py` says what that leaves out.

An error of a queued statement is raised by the flush that it went out with, and ends the transaction, whichever
statement it was. On SQLite, where no trip is saved, the same statements run at once through SQLAlchemy.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from sqlalchemy import Engine

from opbx.pipeline import postgresql, sqlite
from opbx.pipeline.statements import Statement

__all__ = ["Pipeline", "Reply", "Statement", "Transaction", "Transactions"]


class Reply(Protocol):
    """What a statement was answered. Looking at it sends what is queued."""

    def rows(self) -> list[Any]:
        """Named tuples, with the values that the columns' types stand for."""


class Pipeline(Protocol):
    """A connection to send statements on."""

    def send(self, statement: Statement, /, **parameters: Any) -> Reply:
        """Queue `statement`."""

    def commit(self) -> None:
        """End the step here. What is queued next is a transaction of its own, in the same trip."""

    def flush(self) -> None:
        """Commit, send what is queued, and wait until all of it is answered."""


class Transaction:
    """An open transaction. `notes` is for what is to be known of it once it has committed."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self.notes: dict[str, Any] = {}

    def send(self, statement: Statement, /, **parameters: Any) -> Reply:
        """Queue a change, or a question together with others."""
        return self._pipeline.send(statement, **parameters)

    def fetch(self, statement: Statement, /, **parameters: Any) -> list[Any]:
        """Ask now."""
        return self.send(statement, **parameters).rows()


class Transactions:
    """Transactions of one database, and who is to hear of their commits."""

    def __init__(self, engine: Engine) -> None:
        self._database = postgresql if engine.dialect.name == "postgresql" else sqlite
        self._engine = engine
        self._listeners: list[Callable[[Transaction], None]] = []

    def after_commit(self, listener: Callable[[Transaction], None]) -> None:
        """Call `listener` with every transaction that has committed, when its connection is back in the pool."""
        self._listeners.append(listener)

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        """A transaction that is committed at the end, or rolled back where something is raised.

        Raises what SQLAlchemy raises for the same errors.
        """
        with self._database.transaction(self._engine) as pipeline:
            transaction = Transaction(pipeline)
            yield transaction
        for listener in self._listeners:
            listener(transaction)

    @contextmanager
    def steps(self, *, writes: bool = True) -> Iterator[Pipeline]:
        """A pipeline in which every step is a transaction of its own, on PostgreSQL without BEGIN and COMMIT.

        One that only asks says so: it need not wait for SQLite's writer.
        """
        with self._database.steps(self._engine, writes=writes) as pipeline:
            yield pipeline
