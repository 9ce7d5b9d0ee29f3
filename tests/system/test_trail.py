"""What the processes tell: one request's way through all of them, every frame on demand, and no secret ever."""

import gzip
import json
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.servers import wait_until
from tests.system.payloads import FORMS
from tests.system.stack import PASSWORD, SECRET, SENDER_KEY, Stack

SEAL = "a-key-of-at-least-32-characters-for-tests"
EMAIL = "owner@demo.opbx.test"


class Collector(ThreadingHTTPServer):
    """Takes spans as an OpenTelemetry collector does. `spans` has (service, name, trace, span, parent) of each."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, str, bytes, bytes, bytes]] = []
        super().__init__(("127.0.0.1", 0), _Take)


class _Take(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = next(a.value.string_value for a in resource.resource.attributes if a.key == "service.name")
            spans = [span for scope in resource.scope_spans for span in scope.spans]
            self.server.spans += [  # type: ignore[attr-defined]
                (service, s.name, s.trace_id, s.span_id, s.parent_span_id) for s in spans
            ]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Stack]:
    """The product with everything told that it can tell."""
    folder = tmp_path_factory.mktemp("told")
    stack = Stack(
        folder, f"sqlite:///{folder / 'opbx.sqlite3'}", OPBX_ENV="production", OPBX_SECRET_KEY=SEAL, LOG_LEVEL="DEBUG",
            SOKETI_DEBUG="1",
        TRACING="1", OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{collector.server_port}",
        OTEL_BSP_SCHEDULE_DELAY="200", PYTHONWARNINGS="ignore::UserWarning:celery.platforms",  # of running as root
    )  # fmt: skip
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()


def lines(stack: Stack, *names: str) -> list[dict[str, Any]]:
    """What was logged, of all processes or of those named."""
    told = []
    for server in stack.servers:
        if server is stack.redis or (names and server.name not in names):
            continue
        for line in server.log.read_text(errors="replace").splitlines():
            assert line.startswith("{"), f"{server.name} says something that is not JSON: {line}"
            told.append(json.loads(line))
    return told


@pytest.fixture(scope="module")
def call(stack: Stack) -> tuple[str, str]:
    """A call that a dashboard has seen: its id, and the request id of the webhook that began it."""
    client = stack.client("pusher", EMAIL, lambda org: [f"presence-presence.org.{org}"])
    client.wait(lambda line: line["kind"] == "subscribed")
    call_id, request_id = uuid4().hex, ""
    for number, (endpoint, body) in enumerate(FORMS["own form"](call_id, "demo.opbx.test")):
        answer = stack.webhook(endpoint, body, signed=number % 2 == 1)
        assert answer.status_code == 200, answer.text
        request_id = request_id or answer.headers["X-Request-Id"]
        client.wait_events(call_id, number + 1)  # one by one: each wakes its channel itself
        time.sleep(0.05)
    return call_id, request_id


def test_request_and_call_are_named_by_every_process_that_worked_for_them(stack: Stack, call: tuple[str, str]) -> None:
    call_id, request_id = call

    def told(event: str, *names: str) -> list[dict[str, Any]]:
        return [x for x in lines(stack, *names) if x["event"] == event and x.get("request_id") == request_id]

    (applied,) = told("webhook applied", "web")
    assert applied["call_id"] == call_id
    (published,) = wait_until(lambda: told("published", "worker1", "worker2"), what="the worker's line")
    assert published["call_id"] == call_id
    (written,) = wait_until(lambda: told("event written", "relay1"), what="the relay's line")
    assert written["call_id"] == call_id
    assert written["since_commit_ms"] >= 0


def test_one_trace_leads_from_the_webhook_to_the_relays_write(call: tuple[str, str], collector: Collector) -> None:
    def whole() -> list[tuple[str, str, bytes, bytes, bytes]]:
        by_id = {span[3]: span for span in collector.spans}
        for span in collector.spans:
            way = [span]
            while way[-1][4] in by_id:
                way.append(by_id[way[-1][4]])
            if way[0][1] == "relay write" and way[-1][0] == "opbx-web":
                return way
        return []

    way = wait_until(whole, what="a whole trace")
    assert [(service, name) for service, name, *_ in way] == [
        ("opbx-relay", "relay write"),
        ("opbx-worker", "publish"),
        ("opbx-worker", "broadcasts.deliver"),
        ("opbx-web", "POST"),
    ]
    assert len({trace for _, _, trace, *_ in way}) == 1


def test_frames_are_told_on_demand_with_secrets_masked(stack: Stack, call: tuple[str, str]) -> None:
    frames = [line for line in lines(stack, "relay1") if line["event"] in {"frame in", "frame out"}]
    subscribed = [f["text"] for f in frames if f["event"] == "frame in" and "pusher:subscribe" in f["text"]]
    assert subscribed
    assert all('"auth":"***"' in text for text in subscribed)
    assert any(f["event"] == "frame out" and call[0] in f["text"] for f in frames)


def test_no_log_has_a_secret_or_at_info_a_whole_phone_number(stack: Stack, call: tuple[str, str]) -> None:
    token = stack.login(EMAIL)["access_token"]
    assert stack.get("/api/v1/calls/active", token).status_code == 200
    assert stack.webhook("cdr", {"domain": "demo.opbx.test", "From": "+14155551234"}).status_code == 422
    simulator = stack.server("simulate", "opbx", "simulate", "--rate", "20", "--organizations", "1")
    simulator.start()
    try:
        wait_until(lambda: stack.web.log.read_bytes().count(b"\n") > 400, what="calls in every vocabulary")
    finally:
        simulator.stop()  # it tells of the ends of its open calls
    told = lines(stack)
    assert {"published", "event written"} <= {line["event"] for line in told}
    for line in told:
        text = json.dumps(line)
        for secret in (PASSWORD, SENDER_KEY, SECRET, SEAL, token):
            assert secret not in text
        assert not re.search(r"\b[0-9a-f]{64}\b", line.get("text", "")), "a signature"
        if line["level"] != "debug":
            assert not re.search(r"\+\d{8,}", text), text
