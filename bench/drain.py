"""`drain`: how fast one worker delivers a backlog, as after an outage of Redis or of all workers."""

import time

from sqlalchemy import Engine, text

from bench.processes import tree_cpu_seconds
from bench.queue import is_done
from bench.report import Table, thousands
from bench.servers import place, postgres, running
from opbx.broadcasting.wakes import DELIVER, create_wakes
from opbx.database import open_engine
from opbx.queue import create_queue
from opbx.settings import Settings
from tests.servers import wait_until

EVENTS, CHANNELS = 50_000, 100
GOAL = 20_000  # events a second

#: Like the outbox' own statements, for many events at once. Payloads are those of a call's answer.
_BACKLOG = (
    "INSERT INTO channel_heads (channel, sequence) "
    "SELECT 'presence.org.' || c, :each FROM generate_series(1, :channels) c",
    "INSERT INTO channel_cursors (channel, sequence) "
    "SELECT 'presence.org.' || c, 0 FROM generate_series(1, :channels) c",
    "INSERT INTO broadcast_events (channel, sequence, name, payload, created_at) "
    "SELECT 'presence.org.' || c, s, 'call.answered', json_build_object("
    "'call_id', md5(c || '-' || s), 'direction', 'inbound', 'from_number', '+14155551234', "
    "'to_number', '+18005550100', 'did', '+18005550100', 'extension', '101', 'status', 'answered', "
    "'answered_at', '2026-01-02T03:04:05Z', "
    "'extension_id', NULL), now() FROM generate_series(1, :each) s, generate_series(1, :channels) c",
    "ANALYZE",
)


def run() -> None:
    """Measure and print."""
    with postgres() as database, place() as here, running(here.redis):
        if database is None:
            print("\ndrain: skipped, since PostgreSQL is not installed")
            return
        here.env["DATABASE_URL"] = database.url
        here.flask("db", "upgrade")
        settings = Settings(redis_url=here.redis.url, broker_url=here.redis.url, database_url=database.url)
        queue = create_queue(settings)
        wakes = create_wakes(settings, queue)
        engine = open_engine(database.url)
        worker = here.server("worker", "celery", "-q", "-A", "workers", "worker")
        with running(worker):
            _store(engine, EVENTS // CHANNELS)
            queue.send_task(DELIVER, args=({},))
            wait_until(lambda: is_done(here.redis.client()), what="the worker at work")
            before, started = tree_cpu_seconds(worker.pid), time.monotonic()
            wakes.wake([f"presence.org.{number}" for number in range(1, CHANNELS + 1)])
            wait_until(lambda: _left(engine) == 0, timeout=120, what="the backlog delivered")
            took, used = time.monotonic() - started, tree_cpu_seconds(worker.pid) - before
        engine.dispose()
    table = Table(f"A backlog of {thousands(EVENTS)} events over {CHANNELS} channels, delivered by one worker")
    rate = EVENTS / took
    table.goal("events a second", thousands(rate), f"≥ {thousands(GOAL)}", rate >= GOAL)
    table.figure("the worker's processor time", f"{1e6 * used / EVENTS:.0f} µs an event, {used / took:.0%} of a core")
    table.show()


def _store(engine: Engine, each: int) -> None:
    with engine.begin() as connection:
        for statement in _BACKLOG:
            connection.execute(text(statement), {"each": each, "channels": CHANNELS})


def _left(engine: Engine) -> int:
    behind = "SELECT count(*) FROM channel_cursors c JOIN channel_heads h USING (channel) WHERE c.sequence < h.sequence"
    with engine.connect() as connection:
        left: int = connection.execute(text(behind)).scalar_one()
        return left
