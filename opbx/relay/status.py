"""What operators and load balancers ask a relay: whether it is ready, and how full it is."""

import resource

from flask import Flask, Response, jsonify

from opbx.relay.node import Node


def register_status(flask: Flask, node: Node) -> None:
    """Serve `/ready` and `/usage`, on both ports."""

    @flask.get("/ready")
    def ready() -> Response:
        answer = jsonify(ready=node.ready, backplane=node.feed.connected, draining=node.draining)
        answer.status_code = 200 if node.ready else 503
        return answer

    @flask.get("/usage")
    def usage() -> Response:
        return jsonify(
            connections=len(node.connections),
            channels=len(node.channels),
            memory={"peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024},
        )
