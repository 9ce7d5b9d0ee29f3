"""The simulated sender: calls that our own webhooks take, sent the way a good sender sends."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from opbx.calls.models import Call, CallStatus
from opbx.database import utcnow
from opbx.identity.models import Organization
from opbx.operations import access
from opbx.operations.simulator import command, mishaps, sender
from opbx.operations.simulator.plan import CallPlan, Line, Outcome, cut_short, draw
from opbx.operations.simulator.sender import Sender, Tally, credentials
from opbx.operations.simulator.traffic import Traffic
from opbx.operations.simulator.vocabularies import VOCABULARIES, Vocabulary, Webhook
from tests import factories
from tests.servers import free_port

STATUS = {
    Outcome.ANSWERED: CallStatus.COMPLETED,
    Outcome.BUSY: CallStatus.BUSY,
    Outcome.MISSED: CallStatus.NO_ANSWER,
    Outcome.ABANDONED: CallStatus.NO_ANSWER,
}


@pytest.fixture
def line(session: Session, organization: Organization) -> Line:
    factories.make_sender_key(session, organization)
    did = factories.make_did_number(session, organization, "+18005550011")
    extension = factories.make_extension(session, organization, "101")
    return Line(
        domain=organization.domain,
        domain_uuid=organization.domain_uuid,
        numbers=(did.phone_number,),
        extensions=(extension.number,),
        key=factories.SENDER_KEY,
        secret=factories.SIGNING_SECRET,
    )


def plan_of(outcome: Outcome, line: Line) -> CallPlan:
    """A call with this outcome that is over by now."""
    for seed in range(1000):
        plan = draw(Random(seed), line, utcnow().timestamp() - 200)
        if plan.outcome is outcome:
            return plan
    raise AssertionError(f"no seed gives {outcome}")


class Receiver:
    """Stands in for HTTP: posts go to the application's test client, or to where a test says."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.answers: list[Callable[[], requests.Response]] = []
        self.posts: list[str] = []

    def post(self, url: str, *, data: bytes, headers: dict[str, str], **_: object) -> requests.Response:
        self.posts.append(url)
        if self.answers:
            return self.answers.pop(0)()
        taken = self.client.post(url.removeprefix("http://web"), data=data, headers=headers)
        return response(taken.status_code, taken.data)

    def close(self) -> None:
        """Nothing is open."""


def response(status: int, body: bytes = b"{}", **headers: str) -> requests.Response:
    answer = requests.Response()
    answer.status_code = status
    answer._content = body
    answer.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return answer


def unreachable() -> requests.Response:
    raise requests.ConnectionError


@pytest.fixture
def receiver(client: FlaskClient) -> Receiver:
    return Receiver(client)


@pytest.fixture
def posting(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sender]:
    monkeypatch.setattr(sender, "FIRST_PAUSE", 0.0)
    posting = Sender("http://web/", threading.Event(), Random(1), threads=1)
    posting.close()
    posting._http = receiver  # type: ignore[assignment]
    yield posting
    posting.close()


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
@pytest.mark.parametrize("outcome", Outcome)
def test_our_webhooks_understand_every_call(
    session: Session, posting: Sender, line: Line, vocabulary: Vocabulary, outcome: Outcome
) -> None:
    plan = plan_of(outcome, line)
    story = list(vocabulary(plan))
    for webhook in story:
        posting.send(line, webhook)
    assert posting.counts == {Tally.ACCEPTED: len(story)}, posting.last_refusal
    call = session.scalars(select(Call)).one()
    assert (call.call_id, call.status) == (plan.call_id, STATUS[outcome])
    assert abs(call.duration - plan.talked) <= 1  # OPBX's own form knows whole seconds only
    assert call.did_id is not None


def test_a_repeated_webhook_is_known_again(posting: Sender, line: Line) -> None:
    for vocabulary in VOCABULARIES:
        first = next(vocabulary(draw(Random(2), replace(line), utcnow().timestamp())))
        posting.send(line, first)
        posting.send(line, first)
        assert posting.counts.pop(Tally.DUPLICATE) == 1


@pytest.mark.parametrize(
    "trouble", [unreachable, lambda: response(503, Retry_After="0"), lambda: response(429), lambda: response(500)]
)
def test_trouble_is_waited_out(
    receiver: Receiver, posting: Sender, line: Line, trouble: Callable[[], requests.Response]
) -> None:
    receiver.answers = [trouble, trouble]
    posting.send(line, next(VOCABULARIES[0](draw(Random(3), line, utcnow().timestamp()))))
    assert posting.counts == {Tally.RETRIED: 2, Tally.ACCEPTED: 1}


def test_a_refusal_is_not_repeated(receiver: Receiver, posting: Sender, line: Line) -> None:
    posting.send(replace(line, key="wrong", secret="wrong"), Webhook(at=0, endpoint="cdr", payload={"domain": "x"}))
    assert len(receiver.posts) == 1
    assert posting.counts == {Tally.REFUSED: 1}
    assert posting.last_refusal.startswith("cdr: 401")


def test_patience_ends(receiver: Receiver, posting: Sender, line: Line) -> None:
    receiver.answers = [unreachable] * sender.TRIES
    posting.send(line, Webhook(at=0, endpoint="cdr", payload={}))
    assert posting.counts == {Tally.RETRIED: sender.TRIES, Tally.LOST: 1}


def test_being_told_to_stop_ends_the_waiting(receiver: Receiver, posting: Sender, line: Line) -> None:
    posting._stop.set()
    posting.send(line, Webhook(at=0, endpoint="cdr", payload={}))
    assert receiver.posts == []


def test_detail_records_come_with_the_key_and_the_rest_signed(line: Line) -> None:
    assert credentials(line, "cdr", b"{}") == {"Authorization": f"Bearer {line.key}"}
    assert credentials(line, "call-status", b"{}").keys() == {"X-Cloudonix-Timestamp", "X-Cloudonix-Signature"}


def test_a_plan_is_a_call_in_its_order(line: Line) -> None:
    for seed in range(200):
        plan = draw(Random(seed), line, 1000.0)
        assert plan.started < plan.ringing < (plan.answered or plan.ended) <= plan.ended
        assert (plan.answered is not None) is (plan.outcome is Outcome.ANSWERED)


def test_mishaps_repeat_and_reorder_but_lose_and_change_nothing(line: Line) -> None:
    random = Random(4)
    repeated = reordered = 0
    for seed in range(300):
        story = list(VOCABULARIES[seed % 3](draw(Random(seed), line, 1000.0)))
        sent = mishaps.befall(random, story)
        payloads = [webhook.payload for webhook in sent]
        assert all(webhook.payload in payloads for webhook in story)
        assert [webhook.at for webhook in sent] == sorted(webhook.at for webhook in sent)
        repeated += len(sent) > len(story)
        first_of_each = list({id(payload): payload for payload in payloads}.values())
        reordered += first_of_each != [webhook.payload for webhook in story]
    assert repeated
    assert reordered


def test_traffic_tells_whole_calls_and_then_ends(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Webhook] = []

    class Listener(Sender):
        def send(self, line: Line, webhook: Webhook) -> bool:
            told.append(webhook)
            return True

    def soon(random: Random, line: Line, started: float) -> CallPlan:
        plan = draw(random, line, started)
        answered = None if plan.answered is None else started + 0.02
        return replace(plan, ringing=started + 0.01, answered=answered, ended=started + 0.03)

    monkeypatch.setattr("opbx.operations.simulator.traffic.draw", soon)
    stop = threading.Event()
    listener = Listener("http://web", stop, Random(5), threads=1)
    traffic = Traffic(listener, [line], rate=50, stop=stop, random=Random(5), report=lambda _: None)
    monkeypatch.setattr("opbx.operations.simulator.vocabularies.RECORD_DELAY", 0.01)
    traffic.run(duration=0.2)
    listener.close()
    assert traffic.calls > 1
    ids = {webhook.payload.get("call_id") or webhook.payload.get("token") for webhook in told}
    assert len(told) >= 3 * traffic.calls
    assert ids


def test_traffic_stops_at_once_when_told(line: Line) -> None:
    stop = threading.Event()
    stop.set()
    listener = Sender("http://web", stop, Random(6), threads=1)
    traffic = Traffic(listener, [line], rate=1, stop=stop, random=Random(6), report=lambda _: None)
    traffic.run(duration=None)
    listener.close()
    assert traffic.calls == 0


def test_a_call_cut_short_is_over_now(line: Line) -> None:
    for seed in range(200):
        plan = draw(Random(seed), line, 1000.0)
        for now in (1000.5, 1005.0, 1030.0, 2000.0):
            cut = cut_short(plan, now)
            assert cut.ended == min(plan.ended, now)
            assert cut.answered in (None, plan.answered)
            assert cut.answered is None or cut.answered <= cut.ended


def test_told_to_stop_it_leaves_no_call_open(
    app: Flask, session: Session, posting: Sender, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = posting._stop

    def enough(traffic: Traffic) -> None:
        if traffic.calls >= 12:
            stop.set()

    monkeypatch.setattr("opbx.operations.simulator.traffic.THREADS", 1)  # the test client is for one thread
    traffic = Traffic(posting, [line], rate=20, stop=stop, random=Random(7), report=enough)
    traffic.run(duration=None)
    assert traffic.calls >= 12
    calls = session.scalars(select(Call)).all()
    assert calls
    assert all(call.ended_at is not None for call in calls)
    assert not posting.counts[Tally.REFUSED]
    assert not posting.counts[Tally.LOST]


def test_a_receiver_that_is_away_does_not_hold_up_the_stopping(receiver: Receiver, posting: Sender, line: Line) -> None:
    receiver.answers = [unreachable]
    posting.send_by(utcnow().timestamp() * 2, line, Webhook(at=0, endpoint="cdr", payload={}))
    posting.send_by(0.0, line, Webhook(at=0, endpoint="cdr", payload={}))  # too late already
    assert len(receiver.posts) == 1
    assert posting.counts == {Tally.LOST: 2}


def test_what_a_killed_simulation_left_behind_is_ended(
    app: Flask, client: FlaskClient, session: Session, posting: Sender, line: Line, organization: Organization
) -> None:
    long_ago = utcnow() - timedelta(hours=1)
    for call_id, heard_at in (("sim-old", long_ago), ("sim-fresh", utcnow()), ("not-ours", long_ago)):
        session.add(
            Call(
                organization_id=organization.id,
                call_id=call_id,
                status=CallStatus.ANSWERED,
                initiated_at=heard_at,
                answered_at=heard_at,
                last_event_at=heard_at,
            )
        )
    session.commit()
    ends = list(command._leftovers(session, organization, line))
    due = [webhook for _, webhook in ends if webhook.at <= utcnow().timestamp()]
    assert [webhook.payload["call_id"] for webhook in due] == ["sim-old"]  # the other may be alive
    assert len(ends) == 2
    for _, webhook in ends:
        posting.send(line, webhook)
    session.rollback()
    ended = session.scalars(select(Call.call_id).where(Call.ended_at.is_not(None))).all()
    assert sorted(ended) == ["sim-fresh", "sim-old"]


def test_a_receiver_that_never_answers_is_named(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "ACCESS_FILE", tmp_path / "demo.json")
    monkeypatch.setattr(command, "SURPRISE", 0.1)
    monkeypatch.setattr(command, "PATIENCE", 1.0)
    url = f"http://127.0.0.1:{free_port()}"
    outcome = app.test_cli_runner().invoke(args=["simulate", "--url", url])
    assert outcome.exit_code == 1
    assert f"waiting for {url}, which does not answer" in outcome.output
    assert f"Error: {url} does not answer" in outcome.output
