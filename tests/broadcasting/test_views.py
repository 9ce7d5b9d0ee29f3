"""/broadcasting/auth: who gets which signature, and what everybody else gets."""

import json
import time
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from opbx.identity.models import ApiToken, Organization, OrganizationStatus, User, UserStatus
from opbx.pusher.signatures import subscription_auth
from opbx.pusher.subscriptions import ChannelData, Grant, parse_channel_data
from tests import factories

SOCKET = "123.456"
PATHS = ["/broadcasting/auth", "/api/v1/broadcasting/auth"]


@pytest.fixture
def grant(session: Session, headers: dict[str, str], user: User) -> dict[str, Any]:
    """What every signature says of the caller of `ask`."""
    token = session.scalars(select(ApiToken)).one()
    expires = int(token.expires_at.timestamp())
    now = pytest.approx(time.time(), abs=60)
    whose = {"token": token.id, "user": user.id, "organization": user.organization_id}
    return {**whose, "expires": expires, "signed": now}


@pytest.fixture
def ask(client: FlaskClient, headers: dict[str, str]) -> Any:
    def ask(channel: str, **request: Any) -> TestResponse:
        form = {"socket_id": SOCKET, "channel_name": channel}
        return client.post(PATHS[0], **({"data": form, "headers": headers} | request))

    return ask


def signed(channel: str, channel_data: str | None = None) -> str:
    return subscription_auth("test-key", "test-secret", SOCKET, channel, channel_data)


def refused(answer: TestResponse, status: int, code: str) -> bool:
    assert answer.json is not None
    assert set(answer.json) == {"error"}
    return (answer.status_code, answer.json["error"]["code"]) == (status, code)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("form", ["data", "json"])
def test_the_board_of_the_own_organization(
    client: FlaskClient, headers: dict[str, str], user: User, grant: dict[str, Any], path: str, form: str
) -> None:
    channel = f"presence-presence.org.{user.organization_id}"
    body = {"socket_id": SOCKET, "channel_name": channel, "something": "else"}

    answer = client.post(path, headers=headers, **{form: body})

    assert answer.status_code == 200
    assert answer.json is not None
    member = json.loads(answer.json["channel_data"])
    assert member == {
        "grant": grant,
        "user_id": user.id,
        "user_info": {"id": user.id, "name": user.name, "email": user.email, "role": "pbx_user"},
    }
    assert answer.json["auth"] == signed(channel, answer.json["channel_data"])


def test_private_channels(
    ask: Any, session: Session, user: User, organization: Organization, grant: dict[str, Any]
) -> None:
    extension = factories.make_extension(session, organization, "101")
    for channel in (f"private-user.{user.id}", f"private-extension.{extension.id}"):
        answer = ask(channel)
        assert answer.status_code == 200
        assert json.loads(answer.json["channel_data"]) == {"grant": grant}
        assert answer.json["auth"] == signed(channel, answer.json["channel_data"])


@pytest.mark.parametrize("form", ["data", "json"])
def test_the_relay_reads_what_is_signed(ask: Any, user: User, grant: dict[str, Any], form: str) -> None:
    channel = f"presence-presence.org.{user.organization_id}"
    body = {"socket_id": SOCKET, "channel_name": channel, "resume": 17}
    answer = ask(channel, **({"data": None} | {form: body}))
    assert parse_channel_data(answer.json["channel_data"]) == ChannelData(
        user.id,
        orjson.dumps({"id": user.id, "name": user.name, "email": user.email, "role": "pbx_user"}).decode(),
        Grant(**grant),
        17,
    )


@pytest.mark.parametrize("resume", ["0", "17", str(2**53 - 1)])
@pytest.mark.parametrize("kind", ["presence-presence.org", "private-user"])
def test_where_to_resume_is_signed(ask: Any, user: User, kind: str, resume: str) -> None:
    channel = f"{kind}.{user.id if kind == 'private-user' else user.organization_id}"
    answer = ask("", data={"socket_id": SOCKET, "channel_name": channel, "resume": resume})
    assert json.loads(answer.json["channel_data"])["resume"] == int(resume)
    assert answer.json["auth"] == signed(channel, answer.json["channel_data"])


@pytest.mark.parametrize("resume", [None, ...])
def test_nothing_to_resume(ask: Any, user: User, resume: Any) -> None:
    body = {"socket_id": SOCKET, "channel_name": f"private-user.{user.id}", "resume": resume}
    answer = ask("", data=None, json={name: value for name, value in body.items() if value is not ...})
    assert "resume" not in json.loads(answer.json["channel_data"])


def test_what_belongs_to_others_is_refused(ask: Any, session: Session, user: User, organization: Organization) -> None:
    colleague, stranger = factories.make_user(session, organization), factories.make_user(session)
    foreign = factories.make_extension(session, session.get_one(Organization, stranger.organization_id), "101")
    own = factories.make_extension(session, organization, "102")
    for channel in (
        f"presence-presence.org.{stranger.organization_id}",
        f"presence.org.{user.organization_id}",
        f"private-presence.org.{user.organization_id}",
        f"private-user.{colleague.id}",
        f"private-user.{stranger.id}",
        f"private-extension.{foreign.id}",
        f"private-extension.{own.id.upper()}",
        f"private-extension.{own.id.replace('-', '')}",
        "private-extension.102",
        "private-extension.x",
        "private-elsewhere",
        "lobby",
    ):
        assert refused(ask(channel), 403, "CHANNEL_REFUSED"), channel


NO_SOCKETS = ["", "123", "a.b", "1.2:private-y", "1.2\n", "\u0661.\u0662", "1" * 50 + ".1", 1.2, None, ["1.2"]]
NO_SEQUENCES = [-1, 2**53, 1e300, True, "", "x", "-1", "1e3", "9" * 5000, [1], {"a": 1}]
NO_CHANNELS = ["", "private x", "private-\u00fc", "private-x:1", "x" * 201, 7, None, {"a": 1}]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "socket_id"),
        ({"channel_name": "private-x"}, "socket_id"),
        ({"socket_id": SOCKET}, "channel_name"),
        *(({"socket_id": socket, "channel_name": "private-x"}, "socket_id") for socket in NO_SOCKETS),
        *(({"socket_id": SOCKET, "channel_name": channel}, "channel_name") for channel in NO_CHANNELS),
        *(({"socket_id": SOCKET, "channel_name": "private-x", "resume": n}, "resume") for n in NO_SEQUENCES),
    ],
)
def test_malformed_bodies(ask: Any, body: dict[str, Any], field: str) -> None:
    answer = ask("", data=None, json=body)

    assert refused(answer, 422, "VALIDATION_FAILED")
    assert field in answer.json["error"]["details"]


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 5000, b'"x"', b"[]", b"null", b"\xff", b'{"socket_id":"\xff"}'])
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", "text/plain"])
def test_bodies_that_are_none(ask: Any, body: bytes, kind: str) -> None:
    answer = ask("", data=body, content_type=kind)

    assert 400 <= answer.status_code < 500
    assert set(answer.json) == {"error"}


@pytest.mark.parametrize("kind", ["application/xml", "text/xml; charset=utf-8", "text/plain", "application/x-msgpack"])
def test_neither_a_form_nor_json(ask: Any, kind: str) -> None:
    assert refused(ask("", data=b"<socket/>", content_type=kind), 415, "UNSUPPORTED_MEDIA_TYPE")


def test_a_huge_body(ask: Any) -> None:
    assert ask("x" * 1_000_000).status_code == 413


def test_only_callers_with_a_valid_token(ask: Any, session: Session, user: User) -> None:
    channel = f"private-user.{user.id}"
    expired = factories.bearer(factories.make_token(session, user, lifetime=-1))
    for headers in ({}, factories.bearer("nonsense"), {"Authorization": "Basic eDp5"}, expired):
        answer = ask(channel, headers=headers)
        assert refused(answer, 401, "UNAUTHENTICATED")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_only_active_members_of_active_organizations(
    ask: Any, session: Session, user: User, organization: Organization
) -> None:
    user.status = UserStatus.INACTIVE
    session.commit()
    assert refused(ask(f"private-user.{user.id}"), 403, "ACCOUNT_INACTIVE")

    user.status = UserStatus.ACTIVE
    organization.status = OrganizationStatus.SUSPENDED
    session.commit()
    assert refused(ask(f"private-user.{user.id}"), 403, "ORGANIZATION_INACTIVE")
