"""The stack, started once for each kind of database and shared by all tests that use it."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import PostgresServer, binaries
from tests.system.stack import Stack


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder: Path = tmp_path_factory.mktemp("stack")
    if request.param == "sqlite":
        yield from _run(Stack(folder, f"sqlite:///{folder / 'opbx.sqlite3'}"))
        return
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    home = Path(tempfile.mkdtemp(prefix="opbx-postgres-"))  # pytest's own folders are closed to its user
    database = PostgresServer(home, programs)
    try:
        database.start()
        yield from _run(Stack(folder, database.url))
    finally:
        database.stop()
        shutil.rmtree(home)


@pytest.fixture(autouse=True)
def leave(stack: Stack) -> Iterator[None]:
    """What a test connected is gone before the next begins."""
    yield
    stack.close_clients()


def _run(stack: Stack) -> Iterator[Stack]:
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()
