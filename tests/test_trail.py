"""The trail of a request: what it carries, how it is followed, and what it costs when nobody traces."""

from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from opbx import tracing, trail
from opbx.backplane.records import Record


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    structlog.contextvars.clear_contextvars()
    yield
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.use(provider.get_tracer("test"))
    yield exporter
    tracing.use(None)
    provider.shutdown()


def test_without_a_request_there_is_none() -> None:
    assert trail.current() == ""


def test_it_carries_the_requests_id_and_is_followed() -> None:
    structlog.contextvars.bind_contextvars(request_id="a request", other="x")
    assert trail.current() == "a_request", "spaces and line ends separate, and must not be forged"
    assert trail.follow("another") == ""
    assert structlog.contextvars.get_contextvars() == {"request_id": "another"}


@pytest.mark.parametrize(
    "call_id", ["call-17", "a b  c", "%20+%", "line\nend\r", "00-x y", "Ü☎", "x" * trail.CALL_ID, " ", "\ud800"]
)
def test_it_carries_the_calls_id_whatever_its_sender_printed(call_id: str) -> None:
    structlog.contextvars.bind_contextvars(request_id="r1", call_id=call_id)
    path = trail.current()
    assert path.isascii()
    assert path.isprintable()
    record = Record.decode(Record(b"{}", "", 7, 1_700_000_000_123, path).encode())
    assert record.text == b"{}"
    assert trail.split(record.trail) == ("r1", "", call_id.replace("\ud800", "?"))
    assert trail.follow(path) == ""
    assert structlog.contextvars.get_contextvars() == {"request_id": "r1", "call_id": call_id.replace("\ud800", "?")}


def test_no_call_id_makes_it_longer_than_calls_may_be() -> None:
    structlog.contextvars.bind_contextvars(request_id="r1", call_id="x" * 10_000)
    assert trail.split(trail.current()).call_id == "x" * trail.CALL_ID


def test_it_carries_a_call_id_beside_its_place_in_the_trace(spans: InMemorySpanExporter) -> None:
    structlog.contextvars.bind_contextvars(request_id="r1", call_id="c 1")
    with tracing.span("request"):
        place, path = tracing.traceparent(), trail.current()
    assert trail.split(path) == ("r1", place, "c 1")


@pytest.mark.parametrize(
    ("path", "parts"),
    [("", ("", "", "")), ("r1", ("r1", "", "")), ("r1 00-a-b-01", ("r1", "00-a-b-01", "")),
     ("r1  c1", ("r1", "", "c1")), ("r1 00-a-b-01 c1 later", ("r1", "00-a-b-01", "c1"))],
)  # fmt: skip
def test_other_versions_of_it_are_understood(path: str, parts: tuple[str, str, str]) -> None:
    assert trail.split(path) == parts


def test_it_leads_on_to_the_same_trace(spans: InMemorySpanExporter) -> None:
    structlog.contextvars.bind_contextvars(request_id="r1")
    with tracing.span("request"):
        path = trail.current()
    with tracing.span("task", trail.follow(path)):
        tracing.note("write", trail.split(trail.current()).traceparent, channel="c")
    by_name: dict[str, Any] = {span.name: span for span in spans.get_finished_spans()}
    assert len({span.context.trace_id for span in by_name.values()}) == 1
    assert by_name["task"].parent.span_id == by_name["request"].context.span_id
    assert by_name["write"].parent.span_id == by_name["task"].context.span_id
    assert by_name["write"].attributes == {"channel": "c"}


def test_without_tracing_spans_are_nothing() -> None:
    with tracing.span("x") as span:
        assert span is None
    assert tracing.traceparent() == ""


@pytest.mark.parametrize("path", ["", "r1", "r1 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "r1  c1"])
def test_a_record_carries_it(path: str) -> None:
    record = Record(b"{}", "1.2", 7, 1_700_000_000_123, path)
    assert Record.decode(record.encode()) == record


def test_other_records_carry_nothing_of_it() -> None:
    assert Record(b"{}", "1.2").encode() == b"1.2 \n{}"
