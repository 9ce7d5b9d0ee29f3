"""gunicorn for the relay: `gunicorn -c deploy/gunicorn/relay.py wsgi:relay`.

SIGHUP to the first process reads PUSHER_APPS_FILE anew in every worker, and drops no connection.
"""

import resource
import signal
from pathlib import Path

from opbx.metrics import sharing
from opbx.operations.gunicorn_log import Logger
from opbx.settings import Settings

sharing.share()
_all = Settings.from_environment()
_settings = _all.relay

bind = [f"{_all.bind_host}:{_settings.port}", f"{_all.metrics_host}:{_settings.metrics_port}"]
worker_class = "opbx.relay.worker.Worker"
workers = _settings.workers
worker_connections = 2000  # requests under way; connections leave their request once they are accepted
backlog = 4096
keepalive = 75
graceful_timeout = int(_settings.drain) + 10
timeout = 60
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None
logger_class = Logger
control_socket_disable = True
proc_name = "opbx-relay"


def on_starting(server):
    """Allow as many sockets as there may be."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    # gunicorn itself would replace all workers upon SIGHUP, and end all their connections.
    server.handle_hup = lambda: server.kill_workers(signal.SIGHUP)


def post_worker_init(worker):
    """Read the apps anew upon SIGHUP, and say goodbye to the clients before going.

    gunicorn knows nothing of connections that have left their request, so they are sent away first. Only then
    does it wait for requests under way, and not long: idle keep-alive connections count as such.
    """
    import gc

    import gevent

    from opbx.relay.server import LIFECYCLE, NODE

    node, lifecycle = worker.wsgi.extensions[NODE], worker.wsgi.extensions[LIFECYCLE]
    worker.cfg.set("graceful_timeout", 1)

    def leave():
        if not node.draining:
            lifecycle.drain()
            worker.alive = False

    # docs/decisions/garbage-collection.md
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)

    gevent.signal_handler(signal.SIGHUP, node.reload_apps)
    gevent.signal_handler(signal.SIGTERM, leave)
    gevent.signal_handler(signal.SIGINT, leave)


def child_exit(_server, worker):
    """What a worker counted outlives it."""
    sharing.bury(worker.pid)


def on_exit(_server):
    """All processes end."""
    sharing.unshare()
