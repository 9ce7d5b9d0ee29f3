"""What operators and load balancers ask a relay: whether it is ready, how full it is, what it has done."""

from typing import Any

from flask import Flask, Response

from opbx.metrics.endpoint import ByPort, Endpoint
from opbx.metrics.processes import Processes, siblings
from opbx.metrics.registry import Collector, Exposition
from opbx.relay.metrics import Metrics
from opbx.relay.node import Node
from opbx.relay.soketi import SoketiNames
from opbx.settings import RelaySettings


def register_status(flask: Flask, node: Node, metrics: Metrics, settings: RelaySettings) -> None:
    """Serve `/ready` on the public port, for load balancers; everything on the metrics port, and there nothing else."""
    endpoint = Endpoint(_Fresh(metrics, settings), node.why_not_ready, lambda: _usage(node))

    @flask.get("/ready")
    def ready() -> Response:
        status, kind, body = endpoint.ready()
        return Response(body, status, content_type=kind)

    flask.wsgi_app = ByPort(flask.wsgi_app, settings.metrics_port, endpoint)  # type: ignore[method-assign]


def _usage(node: Node) -> dict[str, Any]:
    return {"connections": len(node.connections), "channels": len(node.channels)}


class _Fresh(Exposition):
    """Shows the asked process's own figures as of now; its siblings' are at most a second old."""

    def __init__(self, metrics: Metrics, settings: RelaySettings) -> None:
        collectors: list[Collector] = [Processes(siblings)]
        if settings.soketi_metrics:
            collectors.append(SoketiNames(settings.port))
        super().__init__(*collectors)
        self._metrics = metrics

    def text(self) -> bytes:
        self._metrics.write()
        return super().text()
