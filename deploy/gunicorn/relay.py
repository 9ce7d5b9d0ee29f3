"""gunicorn's configuration for the relay: `gunicorn -c deploy/gunicorn/relay.py wsgi:relay`."""

from opbx.settings import Settings

_settings = Settings.from_environment().relay

bind = [f"0.0.0.0:{_settings.port}", f"0.0.0.0:{_settings.metrics_port}"]
worker_class = "gevent"
worker_connections = 2000  # requests under way; connections leave their request once they are accepted
backlog = 4096
keepalive = 75
graceful_timeout = int(_settings.drain) + 10
timeout = 60
worker_tmp_dir = "/dev/shm"
control_socket_disable = True
proc_name = "opbx-relay"


def worker_exit(_server, worker):  # type: ignore[no-untyped-def]
    """Say goodbye to the clients: gunicorn knows nothing of connections that have left their request."""
    from opbx.relay.server import NODE

    application = getattr(worker, "wsgi", None)
    if application is not None:
        application.extensions[NODE].drain()
