"""Several web processes on one database: what they do at the same moment, and what its restart does to senders."""

import shutil
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from opbx.broadcasting.models import BroadcastEvent, ChannelHead
from opbx.calls.models import Call, CallStatus
from opbx.database import Base, open_engine
from opbx.identity.models import Organization
from opbx.telephony.models import WebhookReceipt
from tests import factories
from tests.postgres import PostgresServer, binaries
from tests.servers import Server, free_port, wait_until
from tests.telephony.senders import CALL_INITIATED, CALL_STATUS, SESSION_UPDATE, changed

pytestmark = pytest.mark.timeout(120)

PROCESSES, SENDERS = 3, 8
ORDER = ["call.initiated", "call.answered", "call.ended"]
HEADERS = {"Authorization": f"Bearer {factories.SENDER_KEY}"}


@contextmanager
def web(folder: Path, database_url: str, redis_url: str = "redis://127.0.0.1:1/0") -> Iterator[str]:
    """Web processes and nothing else, by default not even a broker. Where to post to."""
    port = free_port()
    environment = {
        "OPBX_ENV": "test",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "CELERY_BROKER_URL": redis_url,
        "WEB_PORT": str(port),
        "WEB_WORKERS": str(PROCESSES),
        "BIND_HOST": "127.0.0.1",
        "WEB_METRICS_PORT": "0",
    }
    gunicorn = Path(sys.executable).parent / "gunicorn"
    server = Server("web", folder, str(gunicorn), "-c", "deploy/gunicorn/web.py", "wsgi:app", env=environment)
    server.start()
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: _answers(f"{url}/api/v1/docs"), timeout=60, what=f"web: {server.tail()}")
        yield f"{url}/api/webhooks/cloudonix"
    finally:
        server.stop()


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False


Post = tuple[str, dict[str, Any]]


def post_at_once(url: str, posts: list[Post]) -> list[requests.Response]:
    """What each was answered, in the order of `posts`, all posted by `SENDERS` senders at the same time."""
    start = threading.Barrier(SENDERS)

    def run(share: list[Post]) -> list[requests.Response]:
        with requests.Session() as session:
            start.wait()
            return [session.post(f"{url}/{path}", json=body, headers=HEADERS, timeout=30) for path, body in share]

    with ThreadPoolExecutor(SENDERS) as pool:
        answered = list(pool.map(run, [posts[number::SENDERS] for number in range(SENDERS)]))
    return [answered[number % SENDERS][number // SENDERS] for number in range(len(posts))]


@contextmanager
def reading(database_url: str) -> Iterator[Session]:
    engine = open_engine(database_url)
    with Session(engine) as session:
        yield session
    engine.dispose()


def calls_of(session: Session, domain: str) -> Sequence[Call]:
    return session.scalars(select(Call).join(Organization).where(Organization.domain == domain)).all()


def check_outbox(session: Session, domain: str) -> None:
    """Sequences without gaps up to the head, and each call's events once and in order."""
    organization = session.scalars(select(Organization).where(Organization.domain == domain)).one()
    channel = f"presence.org.{organization.id}"
    of_channel = select(BroadcastEvent).where(BroadcastEvent.channel == channel).order_by(BroadcastEvent.sequence)
    events = session.scalars(of_channel).all()
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert session.get_one(ChannelHead, channel).sequence == len(events)
    names: dict[str, list[str]] = defaultdict(list)
    for event in events:
        names[event.payload["call_id"]].append(event.name)
    for call in calls_of(session, domain):
        assert names[call.call_id] == sorted(set(names[call.call_id]), key=ORDER.index)
        assert ("call.ended" in names[call.call_id]) == (call.ended_at is not None)
        assert names[call.call_id], "a call without its event"


@dataclass(frozen=True)
class House:
    """Web processes on a database, and an organization there for one test alone."""

    url: str
    database_url: str
    domain: str

    @contextmanager
    def reading(self) -> Iterator[Session]:
        with reading(self.database_url) as session:
            yield session


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Where to post to, and the database, of either kind."""
    folder: Path = tmp_path_factory.mktemp("processes")
    if request.param == "sqlite":
        database_url = f"sqlite:///{folder / 'opbx.sqlite3'}"
    else:
        database_url = new_database(request.getfixturevalue("postgres"))
    make_tables(database_url)
    with web(folder, database_url) as url:
        yield url, database_url


@pytest.fixture
def house(running: tuple[str, str]) -> House:
    return House(*running, make_sender(running[1]))


def new_database(server: PostgresServer, **settings: str) -> str:
    """The URL of a database of its own, in which every session has these settings."""
    name = f"processes_{time.monotonic_ns()}"
    with psycopg.connect(dsn(server.url), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
        for setting, value in settings.items():
            admin.execute(f"ALTER DATABASE {name} SET {setting} = '{value}'".encode())
    return server.url.rpartition("/")[0] + f"/{name}"


def make_tables(database_url: str) -> None:
    engine = open_engine(database_url)
    Base.metadata.create_all(engine)
    engine.dispose()


def make_sender(database_url: str) -> str:
    """The domain of a new organization that has the sender key of the tests."""
    with reading(database_url) as session:
        organization = factories.make_organization(session)
        factories.make_sender_key(session, organization)
        return organization.domain


def dsn(url: str) -> str:
    return url.replace("+psycopg", "")


def test_one_call_from_several_processes(house: House) -> None:
    words = ("new", "ringing", "processing", "connected", "answer", "busy", "failed", "cancel")
    update = changed(SESSION_UPDATE, domain=house.domain)
    for number in range(4):
        updates = [
            ("session-update", changed(update, token=f"token-{number}", status=word, eventId=f"{number}-{word}"))
            for word in words
        ]
        assert {answer.status_code for answer in post_at_once(house.url, updates)} <= {200, 204}
    with house.reading() as session:
        assert all(call.ended_at for call in calls_of(session, house.domain))
        assert len(calls_of(session, house.domain)) == 4
        check_outbox(session, house.domain)


def test_one_organization_from_several_processes(house: House) -> None:
    posts: list[Post] = []
    for number in range(40):
        posts.append(("call-initiated", changed(CALL_INITIATED, call_id=f"call-{number}", domain=house.domain)))
        posts.append(("call-status", changed(CALL_STATUS, call_id=f"call-{number}", domain=house.domain)))
    first, again = post_at_once(house.url, posts), post_at_once(house.url, posts)
    assert {answer.status_code for answer in [*first, *again]} == {200}
    assert not any(answer.json()["duplicate"] for answer in first)
    assert all(answer.json()["duplicate"] for answer in again)
    with house.reading() as session:
        assert Counter(call.status for call in calls_of(session, house.domain)) == {CallStatus.ANSWERED: 40}
        check_outbox(session, house.domain)


def test_a_deadlock_is_tried_again_within_the_request(house: House) -> None:
    if not house.database_url.startswith("postgresql"):
        pytest.skip("SQLite has one writer at a time")
    initiated, answered = (changed(sample, domain=house.domain) for sample in (CALL_INITIATED, CALL_STATUS))
    with psycopg.connect(dsn(house.database_url)) as rival, ThreadPoolExecutor(1) as pool:
        requests.post(f"{house.url}/call-initiated", json=initiated, headers=HEADERS, timeout=30)
        rival.execute("SELECT 1 FROM channel_heads FOR UPDATE")
        answer = pool.submit(requests.post, f"{house.url}/call-status", json=answered, headers=HEADERS, timeout=30)
        _wait_for_lock(house.database_url)
        time.sleep(0.3)  # the one who waits for longer finds out first, after a second
        rival.execute("SELECT 1 FROM calls FOR UPDATE")
        rival.commit()
        assert answer.result().json() == {"call_id": "abc-123", "status": "answered", "duplicate": False}
    with house.reading() as session:
        check_outbox(session, house.domain)


def test_serialization_failures_are_tried_again_within_the_request(postgres: PostgresServer, tmp_path: Path) -> None:
    """At the strictest isolation nearly every webhook of one organization meets another one."""
    database_url = new_database(postgres, default_transaction_isolation="serializable")
    make_tables(database_url)
    domain = make_sender(database_url)
    posts = [
        ("call-status", changed(CALL_STATUS, call_id=f"call-{number % 30}", domain=domain)) for number in range(120)
    ]
    with web(tmp_path, database_url) as url:
        answers = post_at_once(url, posts)
        refused = [(post, answer) for post, answer in zip(posts, answers, strict=True) if answer.status_code != 200]
        assert all((answer.status_code, answer.headers["Retry-After"]) == (503, "30") for _, answer in refused)
        assert len(refused) < len(posts) / 4
        for (path, body), _ in refused:
            assert requests.post(f"{url}/{path}", json=body, headers=HEADERS, timeout=30).status_code == 200
    with psycopg.connect(dsn(database_url), autocommit=True) as admin:
        rolled_back = admin.execute("SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()")
        assert (rolled_back.fetchone() or (0,))[0] > len(refused), "no transaction met another one"
    with reading(database_url) as session:
        assert len(calls_of(session, domain)) == 30
        check_outbox(session, domain)


def _wait_for_lock(database_url: str) -> None:
    with psycopg.connect(dsn(database_url), autocommit=True) as watcher:
        waiting = b"SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        wait_until(lambda: watcher.execute(waiting).fetchone(), what="the webhook waiting for the sequence")


@dataclass
class Load:
    """Posts calls until it is told to stop; a webhook that is not accepted is posted again."""

    url: str
    domain: str
    over: threading.Event = field(default_factory=threading.Event)
    refused: Counter[tuple[int, str | None]] = field(default_factory=Counter)
    accepted: list[str] = field(default_factory=list)

    def run(self, sender: int) -> None:
        number = 0
        with requests.Session() as session:
            while not self.over.is_set():
                call_id = f"call-{sender}-{number}"
                number += 1
                self._post(session, "call-initiated", changed(CALL_INITIATED, call_id=call_id, domain=self.domain))
                over = changed(CALL_STATUS, call_id=call_id, domain=self.domain, status="completed")
                self._post(session, "call-status", over)
                self.accepted.append(call_id)

    def _post(self, session: requests.Session, path: str, body: dict[str, Any]) -> None:
        while True:
            answer = session.post(f"{self.url}/{path}", json=body, headers=HEADERS, timeout=30)
            if answer.status_code == 200:
                return
            self.refused[answer.status_code, answer.headers.get("Retry-After")] += 1
            time.sleep(0.05)


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A server for one test alone, with its usual safety."""
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    folder = Path(tempfile.mkdtemp(prefix="opbx-postgres-"))
    server = PostgresServer(folder, programs, settings=("max_connections=200",))
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


@pytest.mark.parametrize("end", [PostgresServer.stop, PostgresServer.kill])
def test_a_restart_of_the_database_costs_senders_a_retry_and_nothing_else(
    own_postgres: PostgresServer, tmp_path: Path, end: Callable[[PostgresServer], None]
) -> None:
    make_tables(own_postgres.url)
    domain = make_sender(own_postgres.url)
    with web(tmp_path, own_postgres.url) as url:
        load = Load(url, domain)
        with ThreadPoolExecutor(SENDERS) as pool:
            senders = [pool.submit(load.run, sender) for sender in range(SENDERS)]
            try:
                wait_until(lambda: len(load.accepted) > 20, what="calls before the restart")
                end(own_postgres)
                wait_until(lambda: sum(load.refused.values()) > SENDERS, what="senders being refused")
                own_postgres.start()
                before = len(load.accepted)
                wait_until(lambda: len(load.accepted) > before + 20, what="calls after the restart")
            finally:
                load.over.set()
            for one in senders:
                one.result()
    assert set(load.refused) == {(503, "30")}
    with reading(own_postgres.url) as session:
        calls = {call.call_id: call.status for call in session.scalars(select(Call))}
        assert calls == dict.fromkeys(load.accepted, CallStatus.COMPLETED)
        assert session.scalars(select(func.count()).select_from(WebhookReceipt)).one() == 2 * len(calls)
        assert session.scalars(select(func.count()).select_from(BroadcastEvent)).one() == 2 * len(calls)
        check_outbox(session, domain)
