"""gunicorn for the web process: `gunicorn -c deploy/gunicorn/web.py wsgi:app`."""

import os
from pathlib import Path

bind = f"0.0.0.0:{os.environ.get('WEB_PORT', '8000')}"
workers = int(os.environ.get("WEB_WORKERS", "2"))
worker_class = "gthread"
threads = int(os.environ.get("WEB_THREADS", "8"))
keepalive = 75  # longer than the idle time of usual load balancers
timeout = 30
graceful_timeout = 20
# The workers' heartbeat file: on a disk, a slow write would look like a worker that hangs.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None
accesslog = None
control_socket_disable = True


def on_starting(_server):
    """Let gunicorn's own records come out in the application's form."""
    import logging

    from opbx.operations import logs
    from opbx.settings import Settings

    logs.configure(Settings.from_environment())
    own = logging.getLogger("gunicorn.error")
    own.handlers.clear()
    own.propagate = True
