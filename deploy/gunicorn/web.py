"""gunicorn for the web process: `gunicorn -c deploy/gunicorn/web.py wsgi:app`."""

from pathlib import Path

from opbx.metrics import sharing
from opbx.operations.gunicorn_log import Logger
from opbx.settings import Settings

sharing.share()
_settings = Settings.from_environment()

bind = [f"{_settings.bind_host}:{_settings.web_port}"]
if _settings.web_metrics_port:
    bind.append(f"{_settings.metrics_host}:{_settings.web_metrics_port}")
workers = _settings.web_workers
worker_class = "opbx.operations.web_worker.WholeRequests"  # docs/decisions/web-worker-class.md
threads = _settings.web_threads
sendfile = False  # Python waits without limit for a client that takes nothing of a file
keepalive = 75  # longer than the idle time of usual load balancers
timeout = 30
graceful_timeout = 20
# The workers' heartbeat file: on a disk, a slow write would look like a worker that hangs.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None
accesslog = None
logger_class = Logger
control_socket_disable = True
proc_name = "opbx-web"


def post_worker_init(_worker):
    """What the application is made of stays: no collection looks through it again."""
    import gc

    # docs/decisions/garbage-collection.md
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


def child_exit(_server, worker):
    """What a worker counted outlives it."""
    sharing.bury(worker.pid)


def on_exit(_server):
    """All processes end."""
    sharing.unshare()
