"""gunicorn for the relay: `gunicorn -c deploy/gunicorn/relay.py wsgi:relay`.

SIGHUP to the first process reads PUSHER_APPS_FILE anew in every worker, and drops no connection.
"""

import os
import resource
import signal
from pathlib import Path

from opbx.settings import Settings

_settings = Settings.from_environment().relay

bind = [f"0.0.0.0:{_settings.port}", f"0.0.0.0:{_settings.metrics_port}"]
worker_class = "gevent"
workers = int(os.environ.get("RELAY_WORKERS", "1"))
worker_connections = 2000  # requests under way; connections leave their request once they are accepted
backlog = 4096
keepalive = 75
graceful_timeout = int(_settings.drain) + 10
timeout = 60
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None
control_socket_disable = True
proc_name = "opbx-relay"


def on_starting(server):
    """Let gunicorn's own records come out in the application's form, and allow as many sockets as there may be."""
    import logging

    from opbx.operations import logs

    logs.configure(Settings.from_environment())
    own = logging.getLogger("gunicorn.error")
    own.handlers.clear()
    own.propagate = True
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    # gunicorn itself would replace all workers upon SIGHUP, and end all their connections.
    server.handle_hup = lambda: server.kill_workers(signal.SIGHUP)


def post_worker_init(worker):
    """Read the apps anew upon SIGHUP, and say goodbye to the clients before going.

    gunicorn knows nothing of connections that have left their request, so they are sent away first. Only then
    does it wait for requests under way, and not long: idle keep-alive connections count as such.
    """
    import gevent

    from opbx.relay.server import LIFECYCLE, NODE

    node, lifecycle = worker.wsgi.extensions[NODE], worker.wsgi.extensions[LIFECYCLE]
    worker.cfg.set("graceful_timeout", 1)

    def leave():
        if not node.draining:
            lifecycle.drain()
            worker.alive = False

    gevent.signal_handler(signal.SIGHUP, node.reload_apps)
    gevent.signal_handler(signal.SIGTERM, leave)
    gevent.signal_handler(signal.SIGINT, leave)
