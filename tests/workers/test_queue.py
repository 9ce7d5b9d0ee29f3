"""The queue's settings: which task goes where, and that every broker's URL is usable."""

from dataclasses import replace

import pytest
from celery.app.base import Celery

import workers
from opbx.queue import TIME_LIMIT, VISIBILITY_TIMEOUT, create_queue
from opbx.settings import Settings


@pytest.mark.parametrize(
    ("url", "transport"),
    [
        ("redis://127.0.0.1:1/0", "redis"),
        ("rediss://127.0.0.1:1/0", "rediss"),
        ("amqp://guest:guest@127.0.0.1:1//", "amqp"),
        ("memory://", "memory"),
    ],
)
def test_brokers(settings: Settings, url: str, transport: str) -> None:
    queue = create_queue(replace(settings, broker_url=url))

    with queue.connection_for_write() as connection:
        assert connection.transport_cls == transport
        assert connection.transport  # it can be made of these options


def test_every_task_goes_to_a_queue_that_exists() -> None:
    app: Celery = workers.app
    app.loader.import_default_modules()
    ours = {name for name in app.tasks if not name.startswith("celery.")}
    assert ours == {
        "broadcasts.deliver",
        "maintenance.sweep",
        "maintenance.expire_calls",
        "maintenance.prune",
        "maintenance.repeat_orders",
        "webhooks.dispatch",
        "webhooks.send",
    }
    for name in ours:
        queue = app.amqp.router.route({}, name)["queue"]
        assert queue.name == name.partition(".")[0]


def test_beat_sends_tasks_that_exist() -> None:
    workers.app.loader.import_default_modules()
    for entry in workers.app.conf.beat_schedule.values():
        assert entry["task"] in workers.app.tasks
        assert entry["options"]["expires"] >= entry["schedule"]


def test_no_task_is_handed_out_again_while_it_runs() -> None:
    assert TIME_LIMIT < VISIBILITY_TIMEOUT
