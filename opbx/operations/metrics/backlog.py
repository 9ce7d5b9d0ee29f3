"""What waits: in the outbox, for a worker, in the queues of the broker, in the apps' webhook streams.

Asked when Prometheus asks, and shown by beat, since there is one of it: every figure here is one of the whole
installation.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import structlog
from celery import Celery
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from redis import Redis
from sqlalchemy import Connection, Engine, func, select

from opbx.apps import Apps
from opbx.backplane import hooks, leases, woken
from opbx.backplane.cluster import as_cluster
from opbx.broadcasting.models import BroadcastEvent, ChannelCursor, ChannelHead
from opbx.calls.models import Call
from opbx.database import reading, utcnow
from opbx.dead_letters import letters

log = structlog.get_logger()

#: Seconds that a source has to answer; Prometheus gives the whole scrape ten.
PATIENCE = 2.0

Source = Callable[[], Sequence[Metric]]

_BEHIND = ChannelHead.sequence - ChannelCursor.sequence
_PENDING = (
    select(func.coalesce(func.sum(_BEHIND), 0), func.count())
    .select_from(ChannelHead)
    .join(ChannelCursor, ChannelCursor.channel == ChannelHead.channel)
    .where(_BEHIND > 0)
)
_OLDEST = (
    select(func.min(BroadcastEvent.created_at))
    .select_from(ChannelHead)
    .join(ChannelCursor, ChannelCursor.channel == ChannelHead.channel)
    .join(
        BroadcastEvent,
        (BroadcastEvent.channel == ChannelCursor.channel) & (BroadcastEvent.sequence == ChannelCursor.sequence + 1),
    )
    .where(_BEHIND > 0)
)
_ACTIVE = select(func.count()).select_from(Call).where(Call.ended_at.is_(None))


class Backlog:
    """A collector that asks its sources side by side; one that hangs or fails is told as down, and shows nothing."""

    def __init__(self, sources: dict[str, Source], patience: float = PATIENCE) -> None:
        self._sources = sources
        self._patience = patience
        self._pool = ThreadPoolExecutor(max_workers=2 * len(sources), thread_name_prefix="backlog")
        self._running: dict[str, Future[Sequence[Metric]]] = {}

    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily("opbx_source_up", "Whether a source of these figures answers", labels=["source"])
        for name, source in self._sources.items():
            running = self._running.get(name)
            if running is None or running.done():  # one that hangs is not asked twice
                self._running[name] = self._pool.submit(source)
        wait(self._running.values(), timeout=self._patience)
        found: list[Metric] = []
        for name, future in self._running.items():
            why_not = _why_not(future)
            up.add_metric([name], not why_not)
            if why_not:
                log.warning("a source of metrics is away", source=name, error=why_not)
            else:
                found += future.result()
        return [up, *found]


def _why_not(future: Future[Sequence[Metric]]) -> str:
    """Why there is no answer; empty where there is one."""
    if not future.done():
        return "it hangs"
    error = future.exception()
    return repr(error) if error else ""


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(name, what, value=value)


def database(engine: Engine) -> Source:
    """The outbox, and the calls under way."""

    def ask() -> Sequence[Metric]:
        with reading(engine) as connection:
            pending, channels = connection.execute(_PENDING).one()
            age = oldest_undelivered(connection)
            dead = letters.count(connection)
            active = connection.execute(_ACTIVE).scalar_one()
        return [
            _gauge("opbx_outbox_pending_events", "Committed events that are not delivered yet", float(pending)),
            _gauge("opbx_outbox_pending_channels", "Channels that have such events", channels),
            _gauge(
                "opbx_outbox_oldest_seconds", "Age of the oldest event that is not delivered; 0: there is none", age
            ),
            _gauge("opbx_outbox_failed_events", "Events kept because they can never be published", dead[letters.EVENT]),
            _gauge("opbx_given_up_webhooks", "Webhooks out kept because nobody took them", dead[letters.WEBHOOK]),
            _gauge("opbx_calls_active", "Calls that have not ended", active),
        ]

    return ask


def oldest_undelivered(connection: Connection) -> float:
    """Seconds since the oldest event was committed that is not delivered; 0 where there is none."""
    oldest = connection.execute(_OLDEST).scalar()
    return max((utcnow() - oldest).total_seconds(), 0.0) if oldest else 0.0


def broker(queue: Celery) -> Source:
    """How many tasks each queue holds."""

    def ask() -> Sequence[Metric]:
        depth = GaugeMetricFamily("opbx_queue_depth", "Tasks that wait in a queue", labels=["queue"])
        for name, count in queue_depths(queue).items():
            depth.add_metric([name], count)
        return [depth]

    return ask


def queue_depths(queue: Celery) -> dict[str, int]:
    """Tasks that wait in each queue. Raises the broker's errors, within `PATIENCE` seconds."""
    with queue.connection_for_read() as connection:
        connection.ensure_connection(max_retries=1, timeout=int(PATIENCE), interval_start=0)
        return {wanted.name: _depth(connection, wanted.name) for wanted in queue.conf.task_queues}


def _depth(connection: Any, queue: str) -> int:
    try:
        with connection.channel() as channel:  # one each, since RabbitMQ closes it over a queue that is not there
            return int(channel.queue_declare(queue=queue, passive=True).message_count)
    except connection.channel_errors:
        return 0  # on Redis a queue that is empty is not there


def redis(client: Redis, apps: Apps) -> Source:
    """The channels and the webhook events of apps that wait, and the relays that are alive."""

    def ask() -> Sequence[Metric]:
        waiting = GaugeMetricFamily("opbx_app_webhook_events_waiting", "Events that wait to be sent", labels=["app"])
        ids = [app.id for app in apps]
        lengths = hooks.waiting(client, ids)
        for app_id in ids:
            waiting.add_metric([app_id], lengths.get(app_id, 0))
        shown = [
            waiting,
            _gauge("opbx_channels_woken", "Channels that wait for a worker", woken.waiting(client)),
            _gauge("opbx_relay_nodes", "Relay processes with a lease", leases.alive(client)),
        ]
        if as_cluster(client) is not None:
            return shown  # each of its servers has a memory of its own; Redis' exporter shows those
        memory = client.info("memory")
        return [
            *shown,
            _gauge("opbx_redis_used_memory_bytes", "Memory that Redis uses", memory["used_memory"]),
            _gauge("opbx_redis_max_memory_bytes", "Memory that Redis may use; 0: no limit", memory["maxmemory"]),
        ]

    return ask
