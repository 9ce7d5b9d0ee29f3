"""The whole product as one machine runs it: web, relay, worker, beat, Redis and a database."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from bench.nothing import PATH
from bench.processes import tree_cpu_seconds
from bench.servers import Place, place, postgres, running, wait_answer
from bench.swarm import Wish
from opbx.database import open_engine, write_transaction
from opbx.identity.sealing import create_seal
from opbx.operations import access, demo
from opbx.settings import Settings
from tests.servers import Server, free_port

SENDER_KEY = "sender-key-of-the-benchmark"
PASSWORD = "password-of-the-benchmark"
_ACCESS = access.Access(password=PASSWORD, sender_key=SENDER_KEY)


@dataclass(frozen=True)
class Organization:
    id: str
    domain: str


@dataclass(frozen=True)
class Stack:
    """A running product. `database` is its kind, in words; `servers` all its processes that have a pid to look at."""

    web_port: int
    relay_port: int
    database: str
    organizations: Sequence[Organization]
    servers: Sequence[Server]
    database_url: str
    beside_ports: Sequence[int]

    def stored(self) -> int:
        """Bytes that the tables and indexes of a PostgreSQL take."""
        engine = open_engine(self.database_url)
        try:
            with engine.connect() as connection:
                return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
        finally:
            engine.dispose()

    def cpu_seconds(self) -> dict[str, float]:
        """Processor time used so far, by the name of the process."""
        return {server.name: tree_cpu_seconds(server.pid) for server in self.servers}

    def dashboards(self, each: int) -> list[Wish]:
        """`each` dashboards of every organization, all of different users."""
        return [
            Wish(
                f"presence-presence.org.{organization.id}",
                {
                    "user_id": f"{organization.id}-{number}",
                    "user_info": {"name": f"User {number}", "email": f"user-{number}@{organization.domain}"},
                },
            )
            for number in range(each)
            for organization in self.organizations
        ]


@contextmanager
def whole_stack(organizations: int, *, workers: int = 1, beside: Sequence[str] = ()) -> Iterator[Stack]:
    """Start everything, on PostgreSQL where it is installed and on SQLite otherwise, with so many organizations.

    `beside` names other applications, which the same kind of server serves on ports of their own.
    """
    with ExitStack() as stack:
        database = stack.enter_context(postgres())
        here = stack.enter_context(place())
        here.env["DATABASE_URL"] = database.url if database else f"sqlite:///{here.folder / 'bench.sqlite3'}"
        stack.enter_context(running(here.redis))
        here.flask("db", "upgrade")
        tenants = _organizations(here.env["DATABASE_URL"], organizations)
        web = here.server("web", "gunicorn", "-c", "deploy/gunicorn/web.py", "wsgi:app")
        relay = here.relay()
        queue = _queue(here, workers)
        stack.enter_context(running(web, relay, *queue))
        ports = [stack.enter_context(_beside(here, name)) for name in beside]
        here.wait_relay(relay)
        wait_answer(web, f"http://127.0.0.1:{here.web_port}/api/v1/health")
        servers = [web, relay, *queue, here.redis, *([database] if database else [])]
        kind = "PostgreSQL" if database else "SQLite"
        yield Stack(here.web_port, here.relay_port, kind, tenants, servers, here.env["DATABASE_URL"], ports)


@contextmanager
def _beside(here: Place, application: str) -> Iterator[int]:
    port = free_port()
    ports = {"WEB_PORT": str(port), "WEB_METRICS_PORT": "0"}
    server = here.server(application, "gunicorn", "-c", "deploy/gunicorn/web.py", application, env=ports)
    with running(server):
        wait_answer(server, f"http://127.0.0.1:{port}{PATH}")
        yield port


def _queue(here: Place, workers: int) -> list[Server]:
    names = [f"worker{number}" for number in range(1, workers + 1)]
    beat = here.server(
        "beat", "celery", "-q", "-A", "workers", "beat", "-s", str(here.folder / "beat"), "--pidfile", ""
    )
    return [*(here.server(n, "celery", "-q", "-A", "workers", "worker", "-n", f"{n}@bench") for n in names), beat]


def _organizations(url: str, count: int) -> list[Organization]:
    engine = open_engine(url)
    try:
        with Session(engine) as session, write_transaction(session):
            seeded = demo.seed_simulated(session, create_seal(Settings.from_environment()), _ACCESS, count)
            return [Organization(organization.id, organization.domain) for organization in seeded]
    finally:
        engine.dispose()
