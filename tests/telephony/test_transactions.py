"""Which failures of the database are tried again, how often, and what the sender is told in the end."""

import sqlite3
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.pool import QueuePool

from opbx.extensions import db
from opbx.telephony import views
from opbx.telephony.transactions import LONGEST, TRIES, pause_before_retry, retrying
from tests.telephony.senders import CALL_STATUS, Sender


def sqlite_error(code: int) -> OperationalError:
    error = sqlite3.OperationalError("locked")
    error.sqlite_errorcode = code
    return OperationalError("UPDATE", {}, error)


SERIALIZATION = OperationalError("UPDATE", {}, psycopg.errors.SerializationFailure())
DEADLOCK = OperationalError("UPDATE", {}, psycopg.errors.DeadlockDetected())
AWAY = OperationalError("UPDATE", {}, psycopg.OperationalError("connection refused"))


@pytest.mark.parametrize(
    "error",
    [SERIALIZATION, DEADLOCK, sqlite_error(sqlite3.SQLITE_BUSY), sqlite_error(sqlite3.SQLITE_BUSY_SNAPSHOT)],
)
def test_what_another_transaction_caused_is_tried_again(error: DBAPIError) -> None:
    pause = pause_before_retry(error, 1, 0.0)
    assert pause is not None
    assert 0 <= pause < 1


@pytest.mark.parametrize("error", [AWAY, sqlite_error(sqlite3.SQLITE_IOERR)])
def test_what_will_fail_again_is_not(error: DBAPIError) -> None:
    assert pause_before_retry(error, 1, 0.0) is None


def test_it_is_not_tried_for_ever() -> None:
    assert pause_before_retry(DEADLOCK, TRIES, 0.0) is None
    assert pause_before_retry(DEADLOCK, 1, LONGEST) is None


def test_retrying_returns_what_a_later_try_returns() -> None:
    outcomes: list[Any] = [DEADLOCK, SERIALIZATION, "done"]

    def work() -> str:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return str(outcome)

    assert retrying(work) == "done"


@pytest.mark.parametrize("error", [DEADLOCK, AWAY, IntegrityError("INSERT", {}, Exception("gone"))])
def test_the_sender_is_told_to_come_again(sender: Sender, monkeypatch: pytest.MonkeyPatch, error: DBAPIError) -> None:
    with monkeypatch.context() as patched:

        def fail(*_: Any) -> None:
            raise error

        patched.setattr(views, "apply", fail)
        answer = sender.post("call-status", CALL_STATUS)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert sender.post("call-status", CALL_STATUS).json == {
        "call_id": "abc-123",
        "status": "answered",
        "duplicate": False,
    }


def test_statements_that_the_server_has_forgotten_cost_the_sender_nothing(app: Flask, sender: Sender) -> None:
    with app.app_context():
        engine = db.engine
    if engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no server")
    assert isinstance(engine.pool, QueuePool)
    assert sender.post("call-status", CALL_STATUS).status_code == 200
    lent = [engine.connect() for _ in range(engine.pool.checkedin())]
    assert lent
    for connection in lent:
        connection.exec_driver_sql("DEALLOCATE ALL")
        connection.close()

    assert sender.post("call-status", CALL_STATUS).get_json()["duplicate"]
