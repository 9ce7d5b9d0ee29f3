"""The relay's Flask application: what gunicorn serves as `wsgi:relay`, one node for each worker process."""

import gevent
from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from opbx import tracing
from opbx.apps import Apps
from opbx.relay import trails
from opbx.relay.dispatch import Dispatch
from opbx.relay.handshake import register_sockets
from opbx.relay.http_api.views import register_http_api
from opbx.relay.lifecycle import Lifecycle
from opbx.relay.metrics import Metrics
from opbx.relay.node import Node
from opbx.relay.status import register_status
from opbx.settings import Settings

#: Where the server's hooks find the node and its clockwork on the application.
NODE = "opbx.node"
LIFECYCLE = "opbx.lifecycle"


def build(settings: Settings) -> Flask:
    """The relay as a WSGI application; its node starts at once, so build it in the process that serves."""
    flask = Flask("opbx.relay", static_folder=None)
    tracing.configure(settings, "relay")
    trails.tell(tracing.is_on() or settings.log_level == "DEBUG")
    flask.config["MAX_CONTENT_LENGTH"] = 1_048_576
    node = Node(settings, Apps.from_settings(settings))
    lifecycle = Lifecycle(node, settings.redis_url)
    register_sockets(flask, node, Dispatch(node))
    register_http_api(flask, node, settings.redis_url)
    if settings.trusted_proxies:
        trust = settings.trusted_proxies
        flask.wsgi_app = ProxyFix(flask.wsgi_app, x_for=trust, x_proto=trust)  # type: ignore[method-assign]
    metrics = Metrics(node)
    register_status(flask, node, metrics, settings.relay)  # the last to wrap: it looks at ports before anybody else
    flask.extensions |= {NODE: node, LIFECYCLE: lifecycle}
    node.start()
    lifecycle.start()
    gevent.spawn(metrics.run)
    return flask
