"""The outbox on a database of its own, and a deliverer whose publisher and clock the test holds."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from opbx.broadcasting.cursors import Cursors
from opbx.broadcasting.delivery import Deliverer
from opbx.broadcasting.events import Event
from opbx.broadcasting.outbox import broadcast
from opbx.database import open_engine
from opbx.pipeline import Transactions
from opbx.settings import Settings
from tests.broadcasting.fakes import Clock, FakePublisher
from tests.servers import RedisServer

Store = Callable[..., None]


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    engine = open_engine(settings.database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def store(transactions: Transactions) -> Store:
    """Commits events, each in a transaction of its own."""

    def store(*events: Event) -> None:
        for event in events:
            with transactions.begin() as transaction:
                broadcast(transaction, event)

    return store


@pytest.fixture
def publisher() -> FakePublisher:
    return FakePublisher()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cursors(engine: Engine, clock: Clock) -> Cursors:
    return Cursors(engine, clock)


@pytest.fixture
def deliverer(cursors: Cursors, publisher: FakePublisher) -> Deliverer:
    return Deliverer(cursors, publisher, max_payload=1000)


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.kill()
