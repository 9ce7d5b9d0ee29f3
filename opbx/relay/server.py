"""The relay's Flask application: what gunicorn serves as `wsgi:relay`, one node for each worker process."""

from flask import Flask

from opbx.apps import Apps
from opbx.relay.dispatch import Dispatch
from opbx.relay.handshake import register_sockets
from opbx.relay.http_api import register_http_api
from opbx.relay.node import Node
from opbx.relay.status import register_status
from opbx.relay.subscriptions import Subscriptions
from opbx.settings import Settings

#: Where the node hangs on its application, for the server's hooks.
NODE = "opbx.node"


def build(settings: Settings) -> Flask:
    """The relay as a WSGI application; its node starts at once, so build it in the process that serves."""
    flask = Flask("opbx.relay", static_folder=None)
    flask.config["MAX_CONTENT_LENGTH"] = 1_048_576
    apps = Apps.from_settings(settings)
    node = Node(settings)
    dispatch = Dispatch(node, Subscriptions(node))
    register_sockets(flask, node, apps, dispatch)
    register_http_api(flask, apps, node.ledger)
    register_status(flask, node)
    flask.extensions[NODE] = node
    node.start()
    return flask
