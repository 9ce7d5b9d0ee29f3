"""The lost wake-up on PostgreSQL, step by step: an event that is committed while a deliverer lets go."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, Engine, text

from opbx.broadcasting.cursors import Cursors, Lease, Move
from opbx.broadcasting.outbox import broadcast
from opbx.database import open_engine
from opbx.pipeline import Transactions
from tests.broadcasting.fakes import Note
from tests.servers import wait_until

CHANNEL = "presence.org.7"

_WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'broadcast_events'::regclass"


@pytest.fixture
def engine(postgres_tables: str) -> Iterator[Engine]:
    engine = open_engine(postgres_tables)
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE broadcast_events, channel_heads, channel_cursors"))
    yield engine
    engine.dispose()


def set_head(engine: Engine, sequence: int) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE channel_heads SET sequence = :sequence"), {"sequence": sequence})


def wait_for_readers(holder: Connection, count: int) -> None:
    wait_until(lambda: holder.execute(text(_WAITING)).scalar_one() == count, what=f"{count} waiting")


def test_an_event_committed_while_a_deliverer_lets_go_is_found_by_one_of_the_two(engine: Engine) -> None:
    """The first deliverer claims again and finds nothing; then the event is committed, and its own deliverer claims.

    Both are held at their reading, which comes after the claim and before its commit.
    """
    transactions, cursors = Transactions(engine), Cursors(engine)
    for _ in range(2):
        with transactions.begin() as transaction:
            broadcast(transaction, Note())
    set_head(engine, 1)  # the second event is not committed yet

    def let_go() -> list[Lease]:
        with cursors.open() as pipeline:
            leases, _ = cursors.advance(pipeline, {lease: Move(1)}, claim=True)
            return leases

    def claim() -> list[Lease]:
        with cursors.open() as pipeline:
            return cursors.claim(pipeline, [CHANNEL])

    [lease] = claim()
    with ThreadPoolExecutor(2) as pool:
        with engine.connect() as holder:
            holder.execute(text("LOCK TABLE broadcast_events IN ACCESS EXCLUSIVE MODE"))
            first = pool.submit(let_go)
            wait_for_readers(holder, 1)
            set_head(engine, 2)
            second = pool.submit(claim)
            wait_for_readers(holder, 2)
        found = [*first.result(), *second.result()]

    assert [[event.sequence for event in lease.pending] for lease in found] == [[2]]
