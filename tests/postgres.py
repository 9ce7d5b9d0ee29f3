"""A throwaway PostgreSQL server, and the fixture that runs a test once on SQLite and once on PostgreSQL."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from opbx.database import Base, open_engine
from tests.servers import Server, free_port, wait_until

#: It is not to be kept, so it need not be safe.
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200")


def binaries() -> Path | None:
    """The newest installed server's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    initdb = shutil.which("initdb")
    return Path(initdb).parent if initdb else None


class PostgresServer(Server):
    """PostgreSQL with its data in `folder`, by the user `postgres` where the tests run as root, which it refuses."""

    def __init__(self, folder: Path, programs: Path, *, settings: Sequence[str] = _FAST) -> None:
        self.port = free_port()
        self._programs = programs
        self._data = folder / "data"
        self._user = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups") if os.geteuid() == 0 else ()
        if self._user:
            owner = pwd.getpwnam("postgres")
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        options = [part for setting in settings for part in ("-c", setting)]
        super().__init__(
            "postgres", folder, *self._user, str(programs / "postgres"), "-D", str(self._data), "-p", str(self.port),
            "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}", *options,
        )  # fmt: skip

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        if not self._data.exists():
            initdb = str(self._programs / "initdb")
            options = ("-D", str(self._data), "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8")
            subprocess.run([*self._user, initdb, *options], check=True, capture_output=True)
        super().start()
        wait_until(self._answers, what="PostgreSQL answering")

    def stop(self, *, timeout: float = 20.0) -> None:
        """Shut down fast: at SIGTERM the server would wait for every client to leave."""
        self.signal(signal.SIGINT, group=False)
        super().stop(timeout=timeout)

    def _answers(self) -> bool:
        engine = create_engine(self.url)
        try:
            with engine.connect() as connection:
                return connection.execute(text("SELECT 1")).scalar() == 1
        except OperationalError:
            assert self.running, self.tail()
            return False
        finally:
            engine.dispose()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A running server, empty; its tests are skipped where PostgreSQL is not installed."""
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    folder = Path(tempfile.mkdtemp(prefix="opbx-postgres-"))
    server = PostgresServer(folder, programs)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_tables(postgres: PostgresServer) -> str:
    """The URL of a database with all tables."""
    engine = open_engine(postgres.url)
    Base.metadata.create_all(engine)
    engine.dispose()
    return postgres.url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, empty_database: Path, tmp_path: Path) -> str:
    """The URL of a database with all tables and no rows: the test runs on either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{shutil.copy(empty_database, tmp_path / 'both.sqlite3')}"
    url: str = request.getfixturevalue("postgres_tables")
    engine = open_engine(url)
    with engine.begin() as connection:
        names = ", ".join(table.name for table in Base.metadata.sorted_tables)
        connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
    engine.dispose()
    return url
