"""A broker that is away takes one line of the log, not a stack at every attempt."""

import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest
from celery.beat import Scheduler
from celery.exceptions import Reject
from kombu.exceptions import OperationalError

from opbx.operations import outages
from opbx.operations.outages import BEAT, TASKS, OneLine
from opbx.queue import create_queue
from opbx.settings import Settings


@pytest.fixture
def brief(caplog: pytest.LogCaptureFixture) -> Iterator[OneLine]:
    brief = OneLine()
    loggers = [logging.getLogger(name) for name in (BEAT, TASKS)]
    for logger in loggers:
        logger.addFilter(brief)
    with caplog.at_level(logging.INFO):
        yield brief
    for logger in loggers:
        logger.removeFilter(brief)


def test_beat_tells_of_a_broker_that_is_away_once(
    settings: Settings, brief: OneLine, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = Scheduler(create_queue(replace(settings, broker_url="redis://127.0.0.1:1/0")), lazy=True)
    entry = scheduler.Entry(name="sweep", task="maintenance.sweep", app=scheduler.app, options={})

    def fail_twice() -> list[logging.LogRecord]:
        caplog.clear()
        for _ in range(2):
            scheduler.apply_entry(entry)
        return [record for record in caplog.records if record.levelno >= logging.WARNING]

    (told,) = fail_twice()
    assert "sweep: Error 111 connecting to 127.0.0.1:1" in told.getMessage()
    assert (told.levelname, told.exc_info) == ("WARNING", None)
    assert fail_twice() == []
    monkeypatch.setattr(outages, "QUIET", -1.0)  # as if a long time had passed
    assert len(fail_twice()) == 2


def test_a_task_that_cannot_be_sent_again_is_told_without_its_stacks(
    brief: OneLine, caplog: pytest.LogCaptureFixture
) -> None:
    log = logging.getLogger(TASKS)
    log.warning("Task x\nrejected", exc_info=Reject(OperationalError("away"), requeue=False))
    log.error("Task y failed", exc_info=ValueError("ours"))
    broker, ours = caplog.records
    assert (broker.getMessage(), broker.exc_info) == ("Task x rejected", None)
    assert ours.exc_info is not None
