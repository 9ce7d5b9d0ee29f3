"""The API against its own description: whatever it allows is answered as it says, and nothing is answered with a 5xx.

Requests are made from the description, half of them about things that exist and, for senders, with a valid key.
"""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy.orm import Session

from opbx import create_app
from opbx.database import open_engine
from opbx.identity.models import Role
from opbx.settings import PusherSettings, Settings
from tests import factories
from tests.isolation.world import SUBJECTS, World

EXAMPLES = 12  #: of each operation

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

#: What any operation may answer, described once as its `default`: a body that cannot be read, and too many requests.
COMMON = {400, 413, 415, 429}

#: These tell by 503 that something is away, which here it is.
AWAY = {"/api/v1/health", "/api/v1/websocket/health"}

TAGS = [
    "audit", "auth", "broadcasting", "calls", "dead letters", "delivery", "directory", "health", "sender-keys",
    "tokens", "users", "webhooks",
]  # fmt: skip


@pytest.fixture(scope="module")
def settings(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    path = shutil.copy(empty_database, tmp_path_factory.mktemp("fuzz") / "opbx.sqlite3")
    unlimited = "1000000/minute"
    return replace(
        Settings(environment="test", database_url=f"sqlite:///{path}", broker_url="memory://"),
        redis_url="redis://127.0.0.1:1/0",
        pusher=PusherSettings(port=1),
        login_rate_limit=unlimited,
        login_total_rate_limit=unlimited,
    )


@pytest.fixture(scope="module")
def app(settings: Settings) -> Flask:
    return create_app(settings)


@pytest.fixture(scope="module")
def world(settings: Settings) -> Iterator[World]:
    engine = open_engine(settings.database_url)
    with Session(engine, expire_on_commit=False) as session:
        world = World(session)
        factories.make_sender_key(session, world.own)
        yield world
    engine.dispose()


@pytest.fixture(scope="module")
def operations(app: Flask) -> list[Any]:
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)
    return [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]


def test_every_operation_is_of_a_tag_that_is_tried(operations: list[Any]) -> None:
    assert {tag for operation in operations for tag in operation.tags} == set(TAGS)


@pytest.mark.parametrize("tag", TAGS)
def test_answers_are_as_described(operations: list[Any], world: World, tag: str) -> None:
    for operation in operations:
        if tag in operation.tags:
            _try(operation, world)


def _try(operation: Any, world: World) -> None:
    explicit = {int(status) for status in operation.definition.raw["responses"] if status.isdigit()}

    @hypothesis.settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(operation.as_strategy(), st.booleans())
    def answered(case: Any, real: bool) -> None:
        headers = world.caller(Role.OWNER)
        if real:
            _about_what_exists(case, world)
            if "/webhooks/" in operation.path:
                headers = factories.bearer(factories.SENDER_KEY)
        answer = case.call(headers=headers)
        case.validate_response(answer, checks=CHECKS[1:] if operation.path in AWAY else CHECKS)
        assert answer.status_code in explicit | COMMON, f"{operation.label}: {answer.status_code} is not described"

    answered()


def _about_what_exists(case: Any, world: World) -> None:
    for name in case.path_parameters or {}:
        if name in SUBJECTS:
            case.path_parameters[name] = world.subject(name, world.own)
    if "/webhooks/" in case.operation.path and isinstance(case.body, dict):
        (case.headers or {}).pop("X-Cloudonix-Signature", None)  # a wrong one is not made good by the key
        case.body |= {"Domain": world.own.domain, "domain": world.own.domain}
