"""The relay's metrics under the names that Soketi gave them, for dashboards and alerts that were made for it.

Source: soketi 1.x, its Prometheus driver: the default prefix, and the labels `app_id` and `port`.
"""

from collections.abc import Iterable

from prometheus_client import Metric
from prometheus_client.core import Sample

from opbx.metrics.registry import merged

#: By our sample's name: Soketi's, and how it is declared.
NAMES = {
    "opbx_relay_connections": ("soketi_connected", "gauge"),
    "opbx_relay_connections_opened_total": ("soketi_new_connections_total", "counter"),
    "opbx_relay_connections_closed_total": ("soketi_new_disconnections_total", "counter"),
    "opbx_relay_received_bytes_total": ("soketi_socket_received_bytes", "unknown"),
    "opbx_relay_sent_bytes_total": ("soketi_socket_transmitted_bytes", "unknown"),
    "opbx_relay_messages_received_total": ("soketi_ws_messages_received_total", "counter"),
    "opbx_relay_messages_sent_total": ("soketi_ws_messages_sent_total", "counter"),
    "opbx_relay_http_calls_total": ("soketi_http_calls_received_total", "counter"),
}


class SoketiNames:
    """A collector: the same figures once more."""

    def __init__(self, port: int) -> None:
        self._port = str(port)

    def collect(self) -> Iterable[Metric]:
        for family in merged().collect():
            sums: dict[tuple[str, str], float] = {}
            for sample in family.samples:
                if sample.name in NAMES:
                    key = (sample.name, sample.labels.get("app", ""))
                    sums[key] = sums.get(key, 0.0) + sample.value
            if sums:
                yield self._renamed(sums, family.documentation)

    def _renamed(self, sums: dict[tuple[str, str], float], documentation: str) -> Metric:
        name, kind = NAMES[next(iter(sums))[0]]
        metric = Metric(name.removesuffix("_total"), documentation, kind)
        for (_, app), value in sums.items():
            labels = {"app_id": app, "port": self._port} if app else {"port": self._port}
            metric.samples.append(Sample(name, labels, value))
        return metric
