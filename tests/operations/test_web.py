"""The web application as a whole: one envelope for every error, headers, the dashboard's files, the API's page."""

import gzip
import io
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from opbx import create_app
from opbx.identity import views as identity
from opbx.identity.models import User
from opbx.operations import dashboard
from opbx.operations.headers import page_policy
from opbx.settings import Settings


def assert_envelope(answer: TestResponse, status: int, code: str) -> None:
    assert answer.status_code == status
    assert answer.mimetype == "application/json"
    error = answer.get_json()["error"]
    assert error.keys() == {"code", "message", "details", "request_id"}
    assert error["code"] == code
    assert error["request_id"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api"),
        ("GET", "/api/v1/nothing"),
        ("POST", "/api/v1/nothing"),
        ("POST", "/login"),
        ("GET", "/broadcasting/nothing"),
        ("GET", "/assets/nothing.js"),
        ("GET", "/nothing.png"),
        ("GET", "/../../etc/passwd"),
        ("GET", "/api/v1/docs/../../web.py"),
        ("GET", "/api/v1/%ff%00"),
    ],
)
def test_what_does_not_exist_is_a_404_in_the_envelope(client: FlaskClient, method: str, path: str) -> None:
    assert_envelope(client.open(path, method=method), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", "/api/v1/auth/login", "POST"), ("DELETE", "/api/v1/health", "GET"), ("GET", "/broadcasting/auth", "POST")],
)
def test_a_wrong_method_is_told_the_right_ones(client: FlaskClient, method: str, path: str, allowed: str) -> None:
    answer = client.open(path, method=method)
    assert_envelope(answer, 405, "METHOD_NOT_ALLOWED")
    assert allowed in answer.headers["Allow"]


def test_a_failure_shows_nothing_of_the_inside(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    @app.get("/api/fails")
    def fails() -> str:
        raise RuntimeError("the inside")

    answer = app.test_client().get("/api/fails")
    assert_envelope(answer, 500, "INTERNAL_ERROR")
    assert b"inside" not in answer.data


@pytest.mark.parametrize(("given", "kept"), [("abc-123", True), ("", False), ("x" * 101, False), ("ü", False)])
def test_a_usable_request_id_is_kept(client: FlaskClient, given: str, kept: bool) -> None:
    answer = client.get("/api/v1/websocket/config", headers={"X-Request-Id": given})
    assert (answer.headers["X-Request-Id"] == given) is kept


def test_security_headers(client: FlaskClient) -> None:
    answer = client.get("/api/v1/websocket/config")
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Strict-Transport-Security" not in answer.headers
    secure = client.get("/api/v1/websocket/config", base_url="https://localhost")
    assert "Strict-Transport-Security" in secure.headers


@pytest.mark.parametrize(
    ("host", "public", "relay"),
    [
        ("pbx.test:8000", "", "ws://pbx.test:6001"),
        ("[::1]:8000", "", "ws://[::1]:6001"),
        ("pbx.test", "ws.test", "ws://ws.test:6001"),
        ("evil; script-src *", "", None),
    ],
)
def test_pages_may_connect_to_the_relay_only(host: str, public: str, relay: str | None) -> None:
    policy = page_policy(Settings(public_ws_host=public), host)
    connect = next(part for part in policy.split("; ") if part.startswith("connect-src"))
    assert connect.split()[1:] == (["'self'", relay, relay.replace("ws:", "wss:")] if relay else ["'self'"])
    assert "script-src" not in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(("trusted", "address"), [(0, "127.0.0.1"), (1, "198.51.100.7")])
def test_proxies_are_believed_when_trusted(settings: Settings, trusted: int, address: str) -> None:
    app = create_app(replace(settings, trusted_proxies=trusted))
    app.add_url_rule("/api/address", view_func=lambda: str(request.remote_addr))
    answer = app.test_client().get("/api/address", headers={"X-Forwarded-For": "203.0.113.9, 198.51.100.7"})
    assert answer.text == address


def test_logging_in_too_often_is_answered_with_when_to_try_again(settings: Settings) -> None:
    client = create_app(replace(settings, login_total_rate_limit="2/minute")).test_client()
    for _ in range(2):
        client.post("/api/v1/auth/login", json={})
    answer = client.post("/api/v1/auth/login", json={})
    assert_envelope(answer, 429, "TOO_MANY_REQUESTS")
    (wait,) = answer.headers.getlist("Retry-After")
    assert 0 < int(wait) <= 60


def test_only_who_is_refused_is_told_of_limits(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = client.post("/api/v1/auth/login", json={"email": "nobody@opbx.test", "password": "x"})
    assert answer.status_code == 401
    assert "Retry-After" not in answer.headers

    def away(*_: object) -> None:
        raise OperationalError("SELECT", None, Exception("away"))

    monkeypatch.setattr(identity, "_find", away)
    answer = client.post("/api/v1/auth/login", json={"email": "nobody@opbx.test", "password": "x"})
    assert_envelope(answer, 503, "DATABASE_UNAVAILABLE")
    assert answer.headers.getlist("Retry-After") == ["30"]


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/api/v1/auth/login", "application/json"),
        ("/api/v1/broadcasting/auth", "application/json"),
        ("/broadcasting/auth", "application/x-www-form-urlencoded"),
        ("/api/webhooks/cloudonix/cdr", "application/json"),
    ],
)
@pytest.mark.parametrize("size", [65_536, 1_000_000])
def test_a_body_in_chunks_is_bounded_too(
    client: FlaskClient, headers: dict[str, str], path: str, content_type: str, size: int
) -> None:
    start = b"channel_name=" if "form" in content_type else b'{"x":"'
    answer = chunked(client, path, start.ljust(size, b"x"), {**headers, "Content-Type": content_type})
    assert_envelope(answer, 413, "REQUEST_ENTITY_TOO_LARGE")


def test_a_body_in_chunks_is_read(client: FlaskClient, headers: dict[str, str], user: User) -> None:
    channel = f"private-user.{user.id}"
    for content_type, body in (
        ("application/json", orjson.dumps({"socket_id": "1.2", "channel_name": channel})),
        ("application/x-www-form-urlencoded", f"socket_id=1.2&channel_name={channel}".encode()),
    ):
        answer = chunked(client, "/broadcasting/auth", body, {**headers, "Content-Type": content_type})
        assert answer.status_code == 200


def chunked(client: FlaskClient, path: str, body: bytes, headers: dict[str, str]) -> TestResponse:
    """Post without a length, as servers hand on what comes in chunks."""
    return client.post(
        path, input_stream=io.BytesIO(body), headers={"Transfer-Encoding": "chunked", **headers},
        environ_overrides={"wsgi.input_terminated": True},
    )  # fmt: skip


class TestDashboard:
    @pytest.fixture
    def client(self, tmp_path: Path) -> FlaskClient:
        (tmp_path / "assets").mkdir()
        (tmp_path / "index.html").write_text("<!doctype html>the page")
        (tmp_path / "favicon.svg").write_text("<svg/>")
        (tmp_path / "assets" / "app-1a2b3c.js").write_text("go()")
        app = Flask("opbx", static_folder=None)
        dashboard.register(app, tmp_path)
        return app.test_client()

    @pytest.mark.parametrize("path", ["/", "/calls", "/calls/7?tab=history", "/%00"])
    def test_its_addresses_get_the_page_anew_each_time(self, client: FlaskClient, path: str) -> None:
        answer = client.get(path, buffered=True)
        assert (answer.status_code, answer.text) == (200, "<!doctype html>the page")
        assert answer.headers["Cache-Control"] == "no-cache"

    def test_hashed_files_are_kept_for_ever(self, client: FlaskClient) -> None:
        answer = client.get("/assets/app-1a2b3c.js", buffered=True)
        assert (answer.status_code, answer.text) == (200, "go()")
        assert "immutable" in answer.headers["Cache-Control"]

    def test_what_the_build_compressed_goes_out_so_to_those_who_take_it(
        self, client: FlaskClient, tmp_path: Path
    ) -> None:
        (tmp_path / "assets" / "app-1a2b3c.js.gz").write_bytes(gzip.compress(b"go()"))
        packed = client.get("/assets/app-1a2b3c.js", headers={"Accept-Encoding": "br, gzip"}, buffered=True)
        assert gzip.decompress(packed.data) == b"go()"
        assert (packed.headers["Content-Encoding"], packed.mimetype) == ("gzip", "text/javascript")
        plain = client.get("/assets/app-1a2b3c.js", headers={"Accept-Encoding": "identity"}, buffered=True)
        assert (plain.data, plain.headers.get("Content-Encoding")) == (b"go()", None)
        assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"

    def test_other_files_are_served_by_name(self, client: FlaskClient) -> None:
        assert client.get("/favicon.svg", buffered=True).text == "<svg/>"

    @pytest.mark.parametrize("path", ["/api/v1/x", "/assets/x.js", "/x.png", "/..", "/../settings.py"])
    def test_what_is_no_address_of_it_is_an_error(self, client: FlaskClient, path: str) -> None:
        assert client.get(path, buffered=True).status_code == 404


def test_without_a_build_the_page_says_so(app: Flask, tmp_path: Path) -> None:
    bare = Flask("opbx", static_folder=None)
    dashboard.register(bare, tmp_path)
    answer = bare.test_client().get("/")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (404, "NOT_BUILT")


class TestOpenApi:
    def test_every_documented_path_is_the_api_s(self, client: FlaskClient) -> None:
        spec = client.get("/api/v1/openapi.json", buffered=True).get_json()
        assert spec["openapi"].startswith("3.")
        assert {"/api/v1/auth/login", "/api/v1/calls/active", "/api/v1/health"} <= spec["paths"].keys()
        assert spec["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
        assert spec["paths"]["/api/v1/auth/me"]["get"]["security"] == [{"bearer": []}, {"session": []}]
        assert "security" not in spec["paths"]["/api/v1/auth/login"]["post"]
        assert spec["info"]["description"]
        assert spec["servers"][0]["url"] == "/"
        operations = [view for path in spec["paths"].values() for view in path.values() if isinstance(view, dict)]
        protected = [view for view in operations if "security" in view]
        assert protected
        assert all("401" in view["responses"] for view in protected)

    def test_errors_are_documented_as_the_envelope(self, client: FlaskClient) -> None:
        components = client.get("/api/v1/openapi.json", buffered=True).get_json()["components"]
        content = components["responses"]["DEFAULT_ERROR"]["content"]["application/json"]
        assert content["schema"] == {"$ref": "#/components/schemas/Envelope"}
        assert components["schemas"]["Envelope"]["required"] == ["error"]

    @pytest.mark.parametrize("path", ["", "/swagger-ui.css", "/swagger-ui-bundle.js", "/start.js"])
    def test_the_page_needs_no_other_host(self, client: FlaskClient, path: str) -> None:
        answer = client.get(f"/api/v1/docs{path}", buffered=True)
        assert answer.status_code == 200
        if not path:
            assert "//" not in answer.text
            assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
