"""OpenTelemetry traces, where they are wanted: `TRACING=1`, the packages of requirements-otel.txt, and OpenTelemetry's
own variables (`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_TRACES_SAMPLER`, …).

Everything here costs a look at one variable while it is off.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opbx.settings import Settings, SettingsError

_FORMAT = "00-{:032x}-{:016x}-{:02x}"  # W3C Trace Context, section 3.2

_tracer: Any = None


def configure(settings: Settings, process: str) -> None:
    """Trace what this process does from here on; to be called where it serves, after the last fork."""
    if not settings.tracing:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as error:
        raise SettingsError("TRACING needs the packages of requirements-otel.txt") from error
    provider = TracerProvider(resource=Resource.create({"service.name": f"opbx-{process}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    use(provider.get_tracer("opbx"))


def use(tracer: Any) -> None:
    """Trace with `tracer`, or with None not at all."""
    global _tracer  # noqa: PLW0603 - one for the process
    _tracer = tracer


def is_on() -> bool:
    return _tracer is not None


@contextmanager
def span(name: str, parent: str = "", **attributes: Any) -> Iterator[Any]:
    """What happens inside is a span, below `parent` (a traceparent) or below the span around it."""
    if _tracer is None:
        yield None
        return
    with _tracer.start_as_current_span(name, context=_context(parent), attributes=attributes) as opened:
        yield opened


def note(name: str, parent: str, **attributes: Any) -> None:
    """Something that happened just now, below `parent`."""
    if _tracer is not None and parent:
        now = time.time_ns()
        _tracer.start_span(name, context=_context(parent), attributes=attributes, start_time=now).end(now)


def traceparent() -> str:
    """The place in the trace where we are; empty while tracing is off."""
    if _tracer is None:
        return ""
    from opentelemetry import trace  # noqa: PLC0415

    at = trace.get_current_span().get_span_context()
    return _FORMAT.format(at.trace_id, at.span_id, int(at.trace_flags)) if at.is_valid else ""


def _context(parent: str) -> Any:
    if not parent:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    return TraceContextTextMapPropagator().extract({"traceparent": parent})
