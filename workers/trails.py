"""Each task goes on under the trail of the request that sent it: its log lines, its span, and what it sends in turn."""

from contextlib import AbstractContextManager
from typing import Any

import structlog
from celery import Task
from celery.signals import task_postrun, task_prerun, worker_ready

from opbx import tracing, trail
from workers import settings

_spans: dict[str, AbstractContextManager[Any]] = {}


@worker_ready.connect
def _trace(**_: Any) -> None:
    tracing.configure(settings, "worker")


@task_prerun.connect
def _begin(task_id: str, task: Task[Any, Any], **_: Any) -> None:
    parent = trail.follow(getattr(task.request, trail.HEADER, None) or "")
    if tracing.is_on():
        _spans[task_id] = span = tracing.span(task.name, parent)
        span.__enter__()


@task_postrun.connect
def _end(task_id: str, **_: Any) -> None:
    span = _spans.pop(task_id, None)
    if span is not None:
        span.__exit__(None, None, None)
    structlog.contextvars.clear_contextvars()
