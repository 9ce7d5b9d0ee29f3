"""What was given up is kept with its reason, and tried again or forgotten by whom it concerns."""

from typing import Any

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from opbx.broadcasting.cursors import Cursors
from opbx.broadcasting.delivery import Deliverer
from opbx.broadcasting.models import BroadcastEvent
from opbx.broadcasting.outbox import broadcast
from opbx.database import open_engine
from opbx.dead_letters import letters, views
from opbx.dead_letters.models import GivenUpWebhook
from opbx.identity.models import Organization, Role
from opbx.operations.metrics import backlog
from opbx.pipeline import Transactions
from opbx.settings import Settings
from opbx.webhooks.batches import Batch
from tests import factories
from tests.broadcasting.fakes import FakePublisher, Note


class Outbox:
    """Events of an organization, of which those that are too long fail."""

    def __init__(self, engine: Engine) -> None:
        self._transactions = Transactions(engine)
        self._cursors = Cursors(engine)
        self.publisher = FakePublisher()

    def write(self, organization: Organization, *texts: str) -> None:
        for text in texts:
            with self._transactions.begin() as transaction:
                broadcast(transaction, Note(text, organization.id))
        self.deliver(organization, most=100)

    def deliver(self, organization: Organization, *, most: int) -> None:
        deliverer = Deliverer(self._cursors, self.publisher, max_payload=most)
        deliverer.deliver({f"presence.org.{organization.id}": ""})


@pytest.fixture
def outbox(settings: Settings) -> Any:
    engine = open_engine(settings.database_url)
    yield Outbox(engine)
    engine.dispose()


@pytest.fixture
def owner(session: Session, organization: Organization) -> dict[str, str]:
    return factories.bearer(factories.make_token(session, factories.make_user(session, organization, role=Role.OWNER)))


def batch(*channels: str, app: str = "opbx", number: int = 1) -> Batch:
    events = [{"name": "member_added", "channel": channel, "user_id": "u"} for channel in channels]
    body = orjson.dumps({"time_ms": 1, "events": events}).decode()
    url = "https://user:secret@hooks.test/?token=secret"
    return Batch(f"batch-{number}", app, url, 1_700_000_000_000, body, attempts=7)


def give_up(session: Session, *batches: Batch) -> None:
    for one in batches:
        letters.keep(session, one, "not accepted within 300 s", "opbx")


LONG = "x" * 200


def test_an_event_is_tried_again_under_a_new_sequence(
    outbox: Outbox, client: FlaskClient, organization: Organization, owner: dict[str, str], session: Session
) -> None:
    outbox.write(organization, "a", LONG, "c")
    assert outbox.publisher.sequences == [1, 3]
    [letter] = client.get("/api/v1/dead-letters", headers=owner).get_json()["data"]
    assert (letter["kind"], letter["attempts"], letter["content"]) == ("event", 1, {"text": LONG})
    assert "more than the 100" in letter["reason"]

    assert client.post(f"/api/v1/dead-letters/{letter['id']}/retry", headers=owner).status_code == 204
    assert client.get("/api/v1/dead-letters", headers=owner).get_json()["data"] == []
    outbox.deliver(organization, most=100)  # nothing has changed
    [again] = client.get("/api/v1/dead-letters", headers=owner).get_json()["data"]
    assert (again["id"], again["attempts"]) == (letter["id"], 2)

    assert client.post(f"/api/v1/dead-letters/{letter['id']}/retry", headers=owner).status_code == 204
    outbox.deliver(organization, most=1000)
    assert outbox.publisher.sequences == [1, 3, 5]
    outbox.write(organization, "d")
    assert outbox.publisher.sequences == [1, 3, 5, 6]
    session.rollback()
    assert session.scalars(select(BroadcastEvent.failure)).all() == [None] * 4


def test_what_is_dropped_or_not_failed_is_no_letter(
    outbox: Outbox, client: FlaskClient, organization: Organization, owner: dict[str, str], session: Session
) -> None:
    outbox.write(organization, "a", LONG)
    [letter] = client.get("/api/v1/dead-letters", headers=owner).get_json()["data"]
    delivered = session.scalars(select(BroadcastEvent.id).where(BroadcastEvent.failure.is_(None))).one()

    assert client.delete(f"/api/v1/dead-letters/{letter['id']}", headers=owner).status_code == 204
    for gone in (letter["id"], f"event-{delivered}", "event-x", "webhook-x", "event-", "nonsense", "event-" + "9" * 40):
        assert client.delete(f"/api/v1/dead-letters/{gone}", headers=owner).status_code == 404
        assert client.post(f"/api/v1/dead-letters/{gone}/retry", headers=owner).status_code == 404
    outbox.write(organization, "b")
    assert outbox.publisher.sequences == [1, 3]


def test_a_webhook_is_queued_again_before_its_letter_goes(
    client: FlaskClient, organization: Organization, owner: dict[str, str], session: Session,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    give_up(session, batch(f"presence-presence.org.{organization.id}"))
    [letter] = client.get("/api/v1/dead-letters", headers=owner).get_json()["data"]
    assert (letter["kind"], letter["target"], letter["attempts"]) == ("webhook", "https://hooks.test/", 7)
    assert letter["created_at"] == "2023-11-14T22:13:20Z"
    path = f"/api/v1/dead-letters/{letter['id']}/retry"

    def away(_: Batch) -> None:
        raise OSError("no broker")

    monkeypatch.setattr(views, "send", away)
    assert client.post(path, headers=owner).status_code == 503
    queued: list[Batch] = []
    monkeypatch.setattr(views, "send", queued.append)
    assert client.post(path, headers=owner).status_code == 204
    assert client.post(path, headers=owner).status_code == 404
    assert [(one.id, one.attempts) for one in queued] == [("batch-1", 7)]
    assert queued[0].time_ms > 1_700_000_000_000  # or it would be given up at once

    give_up(session, queued[0])  # once more
    assert session.scalars(select(GivenUpWebhook.id)).all() == ["batch-1"]

    # and given up again before the retry has come to its end, as where the app has no such webhook any more
    session.rollback()
    monkeypatch.setattr(views, "send", lambda one: give_up(session, one))
    assert client.post(path, headers=owner).status_code == 204
    session.rollback()
    assert session.scalars(select(GivenUpWebhook.id)).all() == ["batch-1"]


def test_each_organization_sees_its_own(
    outbox: Outbox, client: FlaskClient, organization: Organization, owner: dict[str, str], session: Session
) -> None:
    other = factories.make_organization(session)
    outbox.write(organization, LONG)
    outbox.write(other, LONG)
    mine, foreign = (f"presence-presence.org.{one.id}" for one in (organization, other))
    give_up(
        session, batch(mine, mine, number=1), batch(foreign, number=2), batch(mine, foreign, number=3),
        batch("room", number=4), batch(mine, app="another", number=5),
    )  # fmt: skip

    seen = client.get("/api/v1/dead-letters", headers=owner).get_json()["data"]
    assert {letter["target"] for letter in seen if letter["kind"] == "event"} == {f"presence.org.{organization.id}"}
    assert [letter["id"] for letter in seen if letter["kind"] == "webhook"] == ["webhook-batch-1"]
    everything = letters.list_letters(session, None, 100)
    assert len(everything) == 7
    for letter in everything:
        if letter.id not in {one["id"] for one in seen}:
            assert client.delete(f"/api/v1/dead-letters/{letter.id}", headers=owner).status_code == 404
    found = backlog.database(session.connection().engine)()
    figures = {metric.name: metric.samples[0].value for metric in found}
    assert (figures["opbx_outbox_failed_events"], figures["opbx_given_up_webhooks"]) == (2, 5)
    assert client.get("/api/v1/dead-letters?limit=1", headers=owner).get_json()["data"] == seen[:1]


def test_the_operator_has_commands(app: Flask, outbox: Outbox, organization: Organization, session: Session) -> None:
    outbox.write(organization, LONG, LONG + "y")
    give_up(session, batch("room"))
    run = app.test_cli_runner().invoke

    listed = run(args=["dead-letters", "list"]).output.splitlines()
    assert len(listed) == 3
    [webhook] = [line for line in listed if line.startswith("webhook-batch-1 ")]
    assert "7x  https://hooks.test/: not accepted" in webhook
    mine = orjson.loads(run(args=["dead-letters", "list", "--json", "-o", organization.slug]).output)
    assert [letter["content"]["text"][:3] for letter in mine] == ["xxx", "xxx"]
    dropped = run(args=["dead-letters", "drop", "webhook-batch-1"])
    assert (dropped.exit_code, dropped.output) == (0, "webhook-batch-1 is dropped\n")
    assert run(args=["dead-letters", "drop", "webhook-batch-1"]).exit_code == 1
    assert run(args=["dead-letters", "retry"]).exit_code == 2
    assert run(args=["dead-letters", "retry", "--all"]).exit_code == 0
    session.rollback()
    assert letters.count(session) == {"event": 0, "webhook": 0}
    outbox.deliver(organization, most=1000)
    assert outbox.publisher.sequences == [3, 4]


def test_all_letters_are_taken_in_pages_and_one_that_is_gone_meanwhile_stops_nobody(
    app: Flask, outbox: Outbox, organization: Organization, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "PAGE", 2)
    outbox.write(organization, *[LONG] * 5)
    give_up(session, *(batch("room", number=number) for number in range(5)))
    drop, dropped = letters.drop, []

    def drop_two(session: Session, letter: str, organization: str | None) -> None:
        """Somebody else drops the same one at the first of each kind."""
        if letter in {"event-1", "webhook-batch-0"}:
            drop(session, letter, organization)
        drop(session, letter, organization)
        dropped.append(letter)

    monkeypatch.setattr(letters, "drop", drop_two)
    done = app.test_cli_runner().invoke(args=["dead-letters", "drop", "--all"])

    assert (done.exit_code, done.output.count("is dropped")) == (0, 8)
    assert dropped == [f"event-{n}" for n in range(2, 6)] + [f"webhook-batch-{n}" for n in range(1, 5)]
    session.rollback()
    assert letters.count(session) == {"event": 0, "webhook": 0}


def test_retrying_all_ends_though_letters_fail_again_at_once(
    app: Flask, outbox: Outbox, organization: Organization, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "PAGE", 2)
    outbox.write(organization, *[LONG] * 3)
    retry = letters.retry

    def retry_and_fail(*arguments: Any) -> None:
        retry(*arguments)
        outbox.write(organization, LONG)

    monkeypatch.setattr(letters, "retry", retry_and_fail)
    done = app.test_cli_runner().invoke(args=["dead-letters", "retry", "--all"])

    assert (done.exit_code, done.output.count("is tried again")) == (0, 3)
    assert letters.count(session)["event"] == 6


def test_an_event_is_taken_back_once(outbox: Outbox, organization: Organization, session: Session) -> None:
    """Two who retry at once must not use up a sequence for nothing: that would be a gap for ever."""
    outbox.write(organization, LONG)
    [letter] = letters.list_letters(session, None, 1)
    transactions = Transactions(session.get_bind())  # type: ignore[arg-type]
    letters.retry(session, transactions, lambda _: None, letter.id, None)
    with pytest.raises(letters.NoSuchLetter):
        letters.retry(session, transactions, lambda _: None, letter.id, None)
    outbox.write(organization, "b")
    outbox.deliver(organization, most=1000)
    session.rollback()
    assert session.scalars(select(BroadcastEvent.sequence).order_by(BroadcastEvent.sequence)).all() == [2, 3]
