"""The pipeline on PostgreSQL, by the part of psycopg that wraps libpq: its cursors send every statement by itself.

Every statement is prepared on a connection before it is first executed there. psycopg's connection is borrowed from
SQLAlchemy's pool and given back as it was.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto
from select import POLLIN, POLLOUT, poll
from typing import Any

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import PoolProxiedConnection

from opbx.pipeline.statements import Compiled, Statement

#: Seconds without any answer after which a connection is taken for dead. Waits for locks end before.
PATIENCE = 15.0

#: SQLSTATE of "no such prepared statement".
FORGOTTEN = "26000"

#: Where a pooled connection keeps the names of the statements that are prepared on it.
_PREPARED = "opbx_prepared"

_ANSWERED = {pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK}


class Forgotten(psycopg.OperationalError):
    """The server does not know a statement that was prepared on the connection; the next try prepares it again.

    Transient, where psycopg has a mistake of the program's in it: somebody else made the server forget.
    """

    sqlstate = FORGOTTEN


class _Reply:
    """The reply to one statement, once it is there."""

    def __init__(self, pipeline: "_Pipeline", statement: Compiled) -> None:
        self.statement = statement
        self.result: pq.abc.PGresult | None = None
        self._pipeline = pipeline

    def rows(self) -> list[Any]:
        if self.result is None:
            self._pipeline.flush()
        result = self.result
        if result is None:
            raise RuntimeError("the statement's transaction was given up")
        columns = range(result.nfields)
        return [self.statement.row([result.get_value(row, n) for n in columns]) for row in range(result.ntuples)]


class _Bare(Enum):
    """What is queued and has no reply that anybody looks at."""

    COMMAND = auto()
    SYNC = auto()  # libpq's word for the end of a step


#: A reply to wait for, the name of a statement that is being prepared, or neither.
_Queued = _Reply | bytes | _Bare


class _Pipeline:
    """Statements on one connection."""

    def __init__(self, engine: Engine, connection: PoolProxiedConnection) -> None:
        driver = connection.driver_connection
        assert isinstance(driver, psycopg.Connection)  # noqa: S101 - for the type checker
        self.libpq = driver.pgconn
        self.queued: list[_Queued] = []
        self._engine = engine
        self._pool = engine.pool
        self._prepared: set[bytes] = connection.info.setdefault(_PREPARED, set())
        self._poll = poll()
        self._poll.register(self.libpq.socket, POLLIN)

    def send(self, statement: Statement, /, **parameters: Any) -> _Reply:
        compiled = statement.compiled
        values = compiled.bind(parameters)
        reply = _Reply(self, compiled)
        try:
            if compiled.name not in self._prepared and compiled.name not in self.queued:
                self.libpq.send_prepare(compiled.name, compiled.text)
                self.queued.append(compiled.name)
            self.libpq.send_query_prepared(compiled.name, values)
        except psycopg.Error as error:
            raise self._translated(error) from error
        self.queued.append(reply)
        return reply

    def command(self, text: bytes) -> None:
        """Queue BEGIN, COMMIT or the like."""
        try:
            self.libpq.send_query_params(text, None)
        except psycopg.Error as error:
            raise self._translated(error) from error
        self.queued.append(_Bare.COMMAND)

    def commit(self) -> None:
        """Queue the end of a step; without BEGIN, that commits it."""
        try:
            self.libpq.pipeline_sync()
        except psycopg.Error as error:
            raise self._translated(error) from error
        self.queued.append(_Bare.SYNC)

    def flush(self) -> None:
        """Send, wait, and hand out the results. Raises the first error; what came after it in its step was not done."""
        if not self.queued:
            return
        self.commit()
        waiting, self.queued = self.queued, []
        try:
            self._push()
            failed = [error for one in waiting if (error := self._receive(one)) is not None]
        except psycopg.Error as error:
            raise self._translated(error) from error
        if failed:
            first = failed[0]
            if first.sqlstate == FORGOTTEN:
                self._prepared.clear()
                first = Forgotten(str(first))
            raise self._translated(first) from failed[0]

    def _receive(self, waiting: _Queued) -> psycopg.Error | None:
        """Take what one command was answered: one result, and the end of it."""
        result = self._next()
        if result is None:
            return psycopg.OperationalError("the connection was lost")
        if waiting is _Bare.SYNC:
            return None
        self._next()
        if result.status not in _ANSWERED:
            return error_from_result(result, encoding="utf-8")
        if isinstance(waiting, _Reply):
            waiting.result = result
        elif isinstance(waiting, bytes):
            self._prepared.add(waiting)
        return None

    def _push(self) -> None:
        while self.libpq.flush():
            self._poll.modify(self.libpq.socket, POLLIN | POLLOUT)
            self._wait()  # the server may be waiting for us to read
            self._poll.modify(self.libpq.socket, POLLIN)

    def _next(self) -> "pq.abc.PGresult | None":
        while self.libpq.is_busy():
            self._wait()
        return self.libpq.get_result()

    def _wait(self) -> None:
        if not self._poll.poll(1000 * PATIENCE):
            self.libpq.finish()
            raise psycopg.OperationalError(f"no answer for {PATIENCE:.0f} seconds")
        self.libpq.consume_input()

    def _translated(self, error: psycopg.Error) -> Exception:
        """The error as SQLAlchemy would raise it."""
        lost = self.libpq.status == pq.ConnStatus.BAD
        if lost and self._engine.pool is self._pool:
            self._engine.dispose()  # a server that restarts has ended the other connections as well
        return _as_sqlalchemy(self._engine, error, lost=lost)


def _as_sqlalchemy(engine: Engine, error: psycopg.Error, *, lost: bool) -> Exception:
    return DBAPIError.instance(
        None, None, error, psycopg.Error, hide_parameters=True, connection_invalidated=lost, dialect=engine.dialect
    )  # fmt: skip


@contextmanager
def transaction(engine: Engine) -> Iterator[_Pipeline]:
    """One transaction: BEGIN goes out with the first flush, COMMIT with the last."""
    with _borrowed(engine) as pipeline:
        pipeline.command(b"BEGIN")
        yield pipeline
        pipeline.command(b"COMMIT")
        pipeline.flush()


@contextmanager
def steps(engine: Engine, *, writes: bool) -> Iterator[_Pipeline]:  # noqa: ARG001 - a reader waits for nobody
    """Without BEGIN, PostgreSQL commits at the end of each step."""
    with _borrowed(engine) as pipeline:
        yield pipeline
        pipeline.flush()


@contextmanager
def _borrowed(engine: Engine) -> Iterator[_Pipeline]:
    """A pooled connection in pipeline mode, given back out of it, and outside of any transaction."""
    try:
        connection = engine.raw_connection()
    except psycopg.Error as error:  # no new one can be opened
        raise _as_sqlalchemy(engine, error, lost=False) from error
    try:
        pipeline = _enter(engine, connection)
        try:
            yield pipeline
        except BaseException:
            _restore(connection, pipeline)
            raise
        _leave(connection, pipeline)
    finally:
        connection.close()


def _enter(engine: Engine, connection: PoolProxiedConnection) -> _Pipeline:
    """Begin pipeline mode. A connection that was ended while it lay in the pool is an error like any other loss."""
    try:
        pipeline = _Pipeline(engine, connection)
        pipeline.libpq.enter_pipeline_mode()
    except psycopg.Error as error:
        connection.invalidate(error)
        raise DBAPIError.instance(
            None, None, error, psycopg.Error, connection_invalidated=True, dialect=engine.dialect
        ) from error
    return pipeline


def _leave(connection: PoolProxiedConnection, pipeline: _Pipeline) -> None:
    """End pipeline mode. All was answered by now: a server that says goodbye at this moment takes nothing back."""
    try:
        pipeline.libpq.exit_pipeline_mode()
    except psycopg.Error as error:
        connection.invalidate(error)


def _restore(connection: PoolProxiedConnection, pipeline: _Pipeline) -> None:
    """Roll back, or close a connection on which something is under way that must not be carried out any more."""
    if pipeline.queued:
        connection.invalidate()
        return
    try:
        if pipeline.libpq.transaction_status != pq.TransactionStatus.IDLE:
            pipeline.command(b"ROLLBACK")
            pipeline.flush()
        pipeline.libpq.exit_pipeline_mode()
    except (DBAPIError, psycopg.Error) as error:
        connection.invalidate(error)
