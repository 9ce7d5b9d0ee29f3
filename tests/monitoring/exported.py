"""Every metric that the product shows, by the names under which Prometheus keeps them."""

from collections.abc import Iterable

from celery import Celery
from prometheus_client import Metric
from redis import Redis
from sqlalchemy import Engine

import opbx.metrics.delivery
import opbx.metrics.instruments
import opbx.relay.metrics  # noqa: F401 - declares the relay's
from opbx.apps import Apps
from opbx.metrics.processes import Processes, own
from opbx.metrics.registry import INSTRUMENTS
from opbx.operations.metrics import backlog

_SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


def names(engine: Engine, queue: Celery, redis: Redis, apps: Apps) -> set[str]:
    """The names of samples, with what each process asks of others when it is scraped."""
    sources = {
        "database": backlog.database(engine),
        "broker": backlog.broker(queue),
        "redis": backlog.redis(redis, apps),
    }
    collectors = (INSTRUMENTS, Processes(own), backlog.Backlog(sources, patience=20))
    return {name for collector in collectors for name in _names(collector.collect())}


def _names(families: Iterable[Metric]) -> Iterable[str]:
    return (f"{family.name}{suffix}" for family in families for suffix in _SUFFIXES[family.type])
