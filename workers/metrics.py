"""The metrics and readiness of workers and beat, each on a port of its own."""

import time
from typing import Any

from celery import Task
from celery.signals import beat_init, task_postrun, task_prerun, task_revoked, worker_ready, worker_shutting_down

from opbx.apps import Apps
from opbx.backplane.connection import connect
from opbx.metrics.endpoint import Endpoint, serve
from opbx.metrics.instruments import TASK_SECONDS, TASKS
from opbx.metrics.processes import Processes, own
from opbx.metrics.registry import Exposition
from opbx.operations.health import Checkup, probes
from opbx.operations.metrics import backlog
from opbx.settings import Settings
from workers import app, engine, settings

_started: dict[str, float] = {}


@task_prerun.connect
def _begin(task_id: str, **_: Any) -> None:
    _started[task_id] = time.perf_counter()


@task_postrun.connect
def _end(task_id: str, task: Task[Any, Any], state: str | None = None, **_: Any) -> None:
    TASKS.labels(task.name, (state or "ignored").lower()).inc()
    started = _started.pop(task_id, None)
    if started is not None:
        TASK_SECONDS.labels(task.name).observe(time.perf_counter() - started)


@task_revoked.connect
def _revoke(request: Any, expired: bool = False, **_: Any) -> None:
    TASKS.labels(request.task, "expired" if expired else "revoked").inc()


class Readiness:
    """Whether what the process leans on answers, and whether it is still meant to work."""

    def __init__(self, settings: Settings) -> None:
        self._checkup = Checkup(probes(settings, engine, app))
        self.leaving = False

    def __call__(self) -> str:
        if self.leaving:
            return "The process is going away."
        down = [name for name, state in self._checkup.run().items() if state["status"] != "ok"]
        return f"Away: {', '.join(down)}." if down else ""


@worker_ready.connect
def _show_worker(**_: Any) -> None:
    readiness = Readiness(settings)

    @worker_shutting_down.connect(weak=False)
    def leave(**_: Any) -> None:
        readiness.leaving = True

    serve(Endpoint(Exposition(Processes(own)), readiness), settings.metrics_host, settings.worker_metrics_port)


@beat_init.connect
def _show_beat(**_: Any) -> None:
    sources = {
        "database": backlog.database(engine),
        "broker": backlog.broker(app),
        "redis": backlog.redis(connect(settings.redis_url, timeout=1.0), Apps.from_settings(settings)),
    }
    exposition = Exposition(Processes(own), backlog.Backlog(sources))
    serve(Endpoint(exposition, Readiness(settings)), settings.metrics_host, settings.beat_metrics_port)
