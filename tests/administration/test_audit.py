"""/api/v1/audit-log: what owners see of what was done, page by page and filtered."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from opbx.identity.models import Role, User, UserStatus
from tests import factories
from tests.administration.conftest import Call


def test_what_was_done_newest_first(client: FlaskClient, session: Session, call: Call, owner: User, user: User) -> None:
    body = {"email": user.email, "password": factories.PASSWORD}
    client.post("/api/v1/auth/login", json=body)
    call(owner, "PATCH", f"/users/{user.id}", {"role": "reporter"})
    call(owner, "POST", f"/users/{user.id}/deactivate")
    client.post("/api/v1/auth/login", json=body)
    client.post("/api/v1/auth/login", json={"email": factories.make_user(session).email, "password": "wrong"})

    log = call(owner, "GET", "/audit-log", status=200).get_json()
    assert log["next_cursor"] is None
    assert [(entry["action"], entry["actor"], entry["subject"], entry["details"]) for entry in log["data"]] == [
        ("login.failed", None, user.email, {"reason": "account_inactive"}),
        ("user.deactivated", owner.email, user.email, {}),
        ("user.changed", owner.email, user.email, {"role": {"from": "pbx_user", "to": "reporter"}}),
        ("login", user.email, user.email, {}),
    ]
    assert log["data"][0]["address"] == "127.0.0.1"
    assert "wrong" not in str(log)

    def found(query: str) -> list[str]:
        return [entry["action"] for entry in call(owner, "GET", f"/audit-log?{query}", status=200).get_json()["data"]]

    assert found("action=login&action=login.failed") == ["login.failed", "login"]
    assert found(f"user={owner.id}") == ["user.deactivated", "user.changed"]
    assert found("to=2024-01-01") == []
    assert len(found("from=2024-01-01")) == 4


def test_page_by_page(call: Call, owner: User, user: User) -> None:
    for number in range(5):
        call(owner, "PATCH", f"/users/{user.id}", {"name": f"Name {number}"})
    seen: list[list[str]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = call(owner, "GET", f"/audit-log?limit=2{cursor and '&cursor='}{cursor}", status=200).get_json()
        seen.append([entry["details"]["name"]["to"] for entry in page["data"]])
        cursor = page["next_cursor"]
    assert seen == [["Name 4", "Name 3"], ["Name 2", "Name 1"], ["Name 0"]]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("cursor=x", "cursor"),
        ("cursor=LTE", "cursor"),
        ("user=me", "user"),
        ("action=x", "action"),
        ("limit=0", "limit"),
        ("page=2", "page"),
    ],
)
def test_queries_that_cannot_be_used(call: Call, owner: User, query: str, field: str) -> None:
    refused: Any = call(owner, "GET", f"/audit-log?{query}", status=422).get_json()
    assert list(refused["error"]["details"]) == [field]


@pytest.mark.parametrize("role", [Role.PBX_ADMIN, Role.PBX_USER, Role.REPORTER])
def test_owners_alone_see_it(session: Session, call: Call, owner: User, role: Role) -> None:
    other = factories.make_user(session, owner.organization, role=role, status=UserStatus.ACTIVE)
    call(other, "GET", "/audit-log", status=403)
