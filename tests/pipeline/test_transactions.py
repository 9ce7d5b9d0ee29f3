"""Transactions of the pipeline: what is committed, what is rolled back, and what survives an error."""

import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import Engine, bindparam, create_engine, insert, select, text, update
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError
from sqlalchemy.pool import StaticPool

from opbx.broadcasting.models import BroadcastEvent, ChannelCursor
from opbx.broadcasting.retry import is_transient
from opbx.database import engine_options, mind, open_engine
from opbx.identity.models import Organization, OrganizationStatus
from opbx.pipeline import Statement, Transaction, Transactions
from opbx.settings import Settings
from opbx.telephony.transactions import pause_before_retry
from tests.postgres import PostgresServer, binaries

NEW = Statement(insert(ChannelCursor).values(channel=bindparam("channel"), sequence=bindparam("sequence")))
MOVE = Statement(
    update(ChannelCursor)
    .where(ChannelCursor.channel == bindparam("of"))
    .values(sequence=bindparam("to"), lease_until=bindparam("until"))
    .returning(ChannelCursor.sequence, ChannelCursor.lease_until)
)
ALL = Statement(select(ChannelCursor.channel, ChannelCursor.sequence).order_by(ChannelCursor.channel))


class Mistake(Exception):
    """The work of a transaction fails."""


def stored(transactions: Transactions) -> list[tuple[str, int]]:
    with transactions.begin() as transaction:
        return [tuple(row) for row in transaction.fetch(ALL)]


def test_changes_are_committed_together(transactions: Transactions) -> None:
    with transactions.begin() as transaction:
        transaction.send(NEW, channel="a", sequence=1)
        transaction.send(NEW, channel="b", sequence=2)

    assert stored(transactions) == [("a", 1), ("b", 2)]


def test_a_reply_tells_what_the_statements_before_it_did(transactions: Transactions) -> None:
    until = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=timezone(timedelta(hours=2)))
    with transactions.begin() as transaction:
        transaction.send(NEW, channel="a", sequence=1)
        moved = transaction.send(MOVE, of="a", to=7, until=until)
        nothing = transaction.send(MOVE, of="b", to=7, until=until)
        [row] = moved.rows()
        assert (row.sequence, row.lease_until) == (7, until)
        assert row.lease_until.tzinfo is UTC
        assert nothing.rows() == []


def test_what_is_raised_rolls_back(transactions: Transactions) -> None:
    def fail(transaction: Transaction) -> None:
        transaction.send(NEW, channel="a", sequence=1)
        transaction.fetch(ALL)
        transaction.send(NEW, channel="b", sequence=1)
        raise Mistake

    for _ in range(3):
        with pytest.raises(Mistake), transactions.begin() as transaction:
            fail(transaction)

    assert stored(transactions) == []


def test_an_error_of_a_queued_statement_ends_its_transaction(transactions: Transactions) -> None:
    with transactions.begin() as transaction:
        transaction.send(NEW, channel="a", sequence=1)

    def add_twice() -> None:
        with transactions.begin() as transaction:
            for channel in "bac":
                transaction.send(NEW, channel=channel, sequence=1)

    for _ in range(3):
        with pytest.raises(IntegrityError):
            add_twice()

    assert stored(transactions) == [("a", 1)]


def test_listeners_hear_of_commits_only(transactions: Transactions) -> None:
    heard: list[object] = []
    transactions.after_commit(lambda transaction: heard.append(transaction.notes.get("what")))

    def note_and_fail() -> None:
        with transactions.begin() as transaction:
            transaction.notes["what"] = "rolled back"
            raise Mistake

    with pytest.raises(Mistake):
        note_and_fail()
    with transactions.begin() as transaction:
        transaction.notes["what"] = "done"
        assert heard == []

    assert heard == ["done"]


def test_every_flush_of_steps_is_a_transaction(transactions: Transactions) -> None:
    def step_twice_and_fail() -> None:
        with transactions.steps() as pipeline:
            pipeline.send(NEW, channel="a", sequence=1)
            pipeline.flush()
            pipeline.send(NEW, channel="b", sequence=1)
            raise Mistake

    with pytest.raises(Mistake):
        step_twice_and_fail()

    assert stored(transactions) == [("a", 1)]


def test_a_step_that_fails_leaves_the_pipeline_usable(transactions: Transactions) -> None:
    with transactions.steps() as pipeline:
        pipeline.send(NEW, channel="a", sequence=1)
        pipeline.flush()
        with pytest.raises(IntegrityError):  # noqa: PT012 - SQLite fails at once, PostgreSQL at the flush
            pipeline.send(NEW, channel="b", sequence=1)
            pipeline.send(NEW, channel="a", sequence=1)
            pipeline.flush()
    with transactions.steps() as pipeline:
        pipeline.send(NEW, channel="c", sequence=1)

    assert [channel for channel, _ in stored(transactions)] == ["a", "c"]


def test_who_only_asks_does_not_wait_for_a_writer(transactions: Transactions) -> None:
    with transactions.begin() as writer:
        writer.fetch(ALL)
        with transactions.steps(writes=False) as pipeline:
            assert pipeline.send(ALL).rows() == []


def test_values_come_back_as_what_their_columns_stand_for(transactions: Transactions) -> None:
    names = ("id", "name", "slug", "status", "timezone", "domain", "domain_uuid", "created_at", "suspended_at")
    table = Organization.__table__
    add = Statement(insert(Organization).values({name: bindparam(name) for name in names}))
    given = {
        "id": "6b0f3c0e-5a3b-4f53-9f3e-0e8f6a1f2d11",
        "name": "Ä 'quoted' \\ name",
        "slug": "a",
        "status": OrganizationStatus.SUSPENDED,
        "timezone": "UTC",
        "domain": "a.test",
        "domain_uuid": "d",
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
        "suspended_at": None,
    }
    with transactions.begin() as transaction:
        transaction.send(add, **given)
        [row] = transaction.fetch(Statement(select(*(table.c[name] for name in names))))

    assert row._asdict() == given
    assert row.status is OrganizationStatus.SUSPENDED


def test_json_comes_back_as_it_was(transactions: Transactions) -> None:
    payload = {"text": 'ü "quoted"', "list": [1, None, True], "deep": {"a": 1.5}}
    columns = ("channel", "sequence", "name", "payload", "created_at")
    add = Statement(insert(BroadcastEvent).values({name: bindparam(name) for name in columns}))
    with transactions.begin() as transaction:
        transaction.send(add, channel="a", sequence=1, name="n", payload=payload, created_at=datetime.now(UTC))
        [row] = transaction.fetch(Statement(select(BroadcastEvent.payload)))

    assert row.payload == payload


def test_a_naive_time_is_refused(transactions: Transactions) -> None:
    with pytest.raises((ValueError, StatementError)), transactions.begin() as transaction:
        transaction.send(MOVE, of="a", to=1, until=datetime(2026, 1, 1))  # noqa: DTZ001


def test_others_who_roll_back_on_the_same_connection_do_no_harm(settings: Settings) -> None:
    options = engine_options(settings.database_url)
    engine = create_engine(settings.database_url, connect_args=options["connect_args"], poolclass=StaticPool)
    mind(engine)
    shared = Transactions(engine)
    assert stored(shared) == []
    with engine.connect() as connection:
        for _ in range(10):  # enough for psycopg to prepare a statement of its own
            connection.execute(select(ChannelCursor))
        connection.rollback()
    assert stored(shared) == []
    engine.dispose()


def test_a_statement_that_was_forgotten_is_prepared_again(own_engine: Engine, settings: Settings) -> None:
    if not settings.database_url.startswith("postgresql"):
        pytest.skip("SQLite has no server")
    transactions = Transactions(own_engine)
    assert stored(transactions) == []
    with own_engine.connect() as connection:  # the same one, out of the pool
        connection.exec_driver_sql("DEALLOCATE ALL")

    with pytest.raises(OperationalError) as refused:
        stored(transactions)
    assert is_transient(refused.value)
    assert pause_before_retry(refused.value, 1, 0.0) is not None
    assert stored(transactions) == []


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """A PostgreSQL to restart."""
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    folder = Path(tempfile.mkdtemp(prefix="opbx-postgres-"))  # pytest's own folders are closed to its user
    server = PostgresServer(folder, programs)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


@pytest.fixture
def own_engine(own_server: PostgresServer) -> Iterator[Engine]:
    engine = open_engine(own_server.url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE channel_cursors (channel text, sequence bigint)"))
    yield engine
    engine.dispose()


def test_without_the_server_transactions_fail_and_with_it_they_work_again(
    own_server: PostgresServer, own_engine: Engine, settings: Settings
) -> None:
    if not settings.database_url.startswith("postgresql"):
        pytest.skip("SQLite has no server")
    transactions = Transactions(own_engine)
    with transactions.begin() as one, transactions.begin() as other:  # two connections in the pool
        one.send(NEW, channel="a", sequence=1)
        other.send(NEW, channel="b", sequence=1)
    own_server.stop()
    for _ in range(2):  # on a connection that was there, and when none can be opened
        with pytest.raises(OperationalError), transactions.begin() as transaction:
            transaction.fetch(ALL)
    own_server.start()

    assert stored(transactions) == [("a", 1), ("b", 1)]
