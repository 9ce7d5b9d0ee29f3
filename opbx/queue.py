"""The queue: one function that makes the Celery application, for the web process that sends and the workers that run.

The queue holds nothing that must not be lost. What must not be lost is in the database (the outbox); a task
only says that there is something to do, and the sweeper says it again when the broker forgot.
"""

from typing import Any
from urllib.parse import quote

from celery import Celery
from celery.signals import before_task_publish
from kombu import Queue

from opbx import trail
from opbx.backplane import connection
from opbx.settings import VAR, Settings, SettingsError

#: Seconds. A sweep that no worker took by then is worthless: the next one is in the queue already.
SWEEP_PERIOD = 1.0
DISPATCH_PERIOD = 1.0
EXPIRE_CALLS_PERIOD = 30.0
REPEAT_ORDERS_PERIOD = 10.0
PRUNE_PERIOD = 600.0

#: Seconds after which Redis hands a task to another worker when nothing was heard of the one that took it.
#: It must be longer than any task runs (see the time limits) or waits for its retry (see `retry.py`).
VISIBILITY_TIMEOUT = 120
SOFT_TIME_LIMIT = 50
TIME_LIMIT = 60


def create_queue(settings: Settings, *, timeout: float = 1.0) -> Celery:
    """A Celery application with every queue setting of the product; workers register the tasks on it.

    `timeout` is the longest wait for one answer of the broker, in seconds: a worker can afford more patience
    than an API request. Works with `redis://`, `rediss://`, `redis+sentinel://` and `amqp://` broker URLs. Raises
    `SettingsError` for a Redis Cluster, on which Celery's queues cannot be.
    """
    if connection.is_cluster(settings.broker_url):
        raise SettingsError("CELERY_BROKER_URL must not be a Redis Cluster: name one server, sentinels, or RabbitMQ")
    url = _broker_url(settings.broker_url)
    queue = Celery("opbx", broker=url, set_as_current=False)
    # Celery reads CELERY_BROKER_URL by itself, and prefers it to `broker`; what is spelt out here it prefers to both.
    queue.conf.update(broker_read_url=url, broker_write_url=url)
    queue.conf.update(_messages())
    queue.conf.update(_worker())
    queue.conf.update(_broker(settings.broker_url, timeout))
    queue.conf.update(
        beat_schedule=_schedule(),
        beat_schedule_filename=str(VAR / "beat-schedule"),
        beat_max_loop_interval=SWEEP_PERIOD,  # the default looks at the schedule every 5 minutes at the latest
        timezone="UTC",
        enable_utc=True,
    )
    return queue


@before_task_publish.connect
def _leave_trail(headers: dict[str, Any], **_: Any) -> None:
    """A task says for whose request it is."""
    path = trail.current()
    if path:
        headers[trail.HEADER] = path


def _messages() -> dict[str, Any]:
    return {
        # Three kinds of work that must not wait for each other; a deployment may give each its own workers.
        "task_queues": [Queue("broadcasts"), Queue("webhooks"), Queue("maintenance")],
        "task_default_queue": "maintenance",
        "task_create_missing_queues": False,  # a misspelt queue is an error, not a place where tasks disappear
        "task_routes": {
            "broadcasts.*": {"queue": "broadcasts"},
            "webhooks.*": {"queue": "webhooks"},
            "maintenance.*": {"queue": "maintenance"},
        },
        # JSON only: pickle would run what a stranger puts into the broker.
        "task_serializer": "json",
        "accept_content": ["json"],
        # Nobody asks for results; a backend would cost a write a task.
        "result_backend": None,
        "task_ignore_result": True,
        # RabbitMQ need not write each wake to its disk: the outbox is on one already.
        "task_default_delivery_mode": "transient",
    }


def _worker() -> dict[str, Any]:
    return {
        # Tasks wait for the database and Redis, not for the processor, and a thread is cheap. For more
        # throughput run more worker processes. (With gevent, late-ack tasks are not redelivered after kill -9.)
        "worker_pool": "threads",
        "worker_concurrency": 8,
        # Acknowledged when done, and given back when the process is lost: all tasks can be repeated.
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        # A process takes what it can run at once, so that a backlog spreads over all of them.
        "worker_prefetch_multiplier": 1,
        # For the prefork pool. Threads cannot be stopped from outside: there, tasks bound themselves by the
        # timeouts of what they wait for and by the number of batches.
        "task_soft_time_limit": SOFT_TIME_LIMIT,
        "task_time_limit": TIME_LIMIT,
        # Task events cost throughput; `celery -A workers control enable_events` while somebody looks.
        "worker_send_task_events": False,
        "worker_hijack_root_logger": False,
    }


def _broker_url(url: str) -> str:
    """The broker's URL as Celery spells it: each sentinel a URL of its own."""
    if not connection.is_sentinel(url):
        return url
    master = connection.Sentinels.read(url)
    login = f"{quote(master.user)}:{quote(master.password)}@" if master.password else ""
    return ";".join(f"sentinel://{login}{host}:{port}/{master.database}" for host, port in master.hosts)


def _broker(url: str, timeout: float) -> dict[str, Any]:
    options: dict[str, Any]
    if url.startswith("amqp"):
        options = {"write_timeout": timeout}
    else:
        options = {
            "visibility_timeout": VISIBILITY_TIMEOUT,
            # Look for tasks of lost workers this often; by default about every 100 s.
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
            # Without these a hung Redis holds the sender for more than 40 s.
            "socket_timeout": timeout,
            "socket_connect_timeout": timeout / 2,
            "socket_keepalive": True,
        }
        if connection.is_sentinel(url):
            options |= {
                "master_name": connection.Sentinels.read(url).master,
                "sentinel_kwargs": {"socket_timeout": timeout / 2, "socket_connect_timeout": timeout / 2},
            }
    return {
        "broker_transport_options": options,
        "broker_connection_timeout": timeout / 2,
        # One more try, at once: for the connection that the broker closed since it was last used.
        "task_publish_retry_policy": {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0},
        # A connection for every thread of a web process, so that none waits for another's timeout.
        "broker_pool_limit": 32,
        "broker_pool_acquire_timeout": timeout,
        # A worker waits for its broker for ever: an outage of any length only delays.
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_heartbeat": 10,
    }


def _schedule() -> dict[str, Any]:
    # Beat goes on when no worker listens; what expired is dropped unread when one comes back.
    return {
        "sweep": {
            "task": "maintenance.sweep",
            "schedule": SWEEP_PERIOD,
            "options": {"expires": 10 * SWEEP_PERIOD},
        },
        "dispatch_webhooks": {
            "task": "webhooks.dispatch",
            "schedule": DISPATCH_PERIOD,
            "options": {"expires": 10 * DISPATCH_PERIOD},
        },
        "expire_calls": {
            "task": "maintenance.expire_calls",
            "schedule": EXPIRE_CALLS_PERIOD,
            "options": {"expires": EXPIRE_CALLS_PERIOD},
        },
        "repeat_orders": {
            "task": "maintenance.repeat_orders",
            "schedule": REPEAT_ORDERS_PERIOD,
            "options": {"expires": REPEAT_ORDERS_PERIOD},
        },
        "prune": {
            "task": "maintenance.prune",
            "schedule": PRUNE_PERIOD,
            "options": {"expires": PRUNE_PERIOD},
        },
    }
