"""Webhooks at the same moment: one change each, one after the other, whatever the database."""

from concurrent.futures import ThreadPoolExecutor
from random import Random
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from opbx.broadcasting.models import BroadcastEvent, ChannelHead
from opbx.calls.models import Call, CallDetailRecord, CallStatus
from opbx.telephony.models import WebhookReceipt
from tests.telephony.senders import CALL_STATUS, CDR, SESSION_UPDATE, Sender, changed

THREADS = 6


def post_at_once(app: Flask, sender: Sender, posts: list[tuple[str, dict[str, Any]]]) -> list[tuple[int, Any]]:
    """What each was answered, in the order of `posts`, all posted by `THREADS` senders at the same time."""
    start = Barrier(THREADS)

    def run(share: list[tuple[str, dict[str, Any]]]) -> list[tuple[int, Any]]:
        own = Sender(app.test_client(), sender.organization)
        start.wait()
        answers = [own.post(endpoint, payload) for endpoint, payload in share]
        return [(answer.status_code, answer.json if answer.data else None) for answer in answers]

    with ThreadPoolExecutor(THREADS) as pool:
        answered = list(pool.map(run, [posts[number::THREADS] for number in range(THREADS)]))
    return [answered[number % THREADS][number // THREADS] for number in range(len(posts))]


def test_concurrent_duplicates_make_one_change(app: Flask, sender: Sender, session: Session) -> None:
    answers = post_at_once(app, sender, [("call-status", CALL_STATUS)] * THREADS * 2)
    assert {status for status, _ in answers} == {200}
    assert [body["duplicate"] for _, body in answers].count(False) == 1
    assert session.scalars(select(BroadcastEvent.name).order_by(BroadcastEvent.sequence)).all() == [
        "call.initiated",
        "call.answered",
    ]
    assert session.scalars(select(func.count()).select_from(WebhookReceipt)).one() == 1


def test_concurrent_first_news_of_one_call_make_one_call(app: Flask, sender: Sender, session: Session) -> None:
    for round_number in range(5):
        token = f"token-{round_number}"
        words = ("new", "ringing", "processing", "connected", "answer", "busy")
        updates = [
            ("session-update", changed(SESSION_UPDATE, token=token, status=word, eventId=f"{token}-{word}"))
            for word in words
        ]
        answers = post_at_once(app, sender, updates)
        assert {status for status, _ in answers} <= {200, 204}
    calls = session.scalars(select(Call)).all()
    assert {call.status for call in calls} == {CallStatus.BUSY}
    assert len(calls) == 5


@pytest.mark.parametrize("seed", [1, 2])
def test_whole_calls_in_disorder_and_twice(app: Flask, sender: Sender, session: Session, seed: int) -> None:
    random = Random(seed)
    posts: list[tuple[str, dict[str, Any]]] = []
    for number in range(6):
        token = f"call-{number}"
        for word in ("new", "ringing", "connected"):
            posts.append(("session-update", changed(SESSION_UPDATE, token=token, status=word, eventId=token + word)))
        times = {"callStartTime": 1716708621946, "callAnswerTime": 1716708625343, "callEndTime": 1716708656000}
        posts.append(("cdr", changed(CDR, timestamp=1716708621, session={"token": token, **times})))
    posts *= 2
    random.shuffle(posts)
    posts = posts[: len(posts) // THREADS * THREADS]
    answers = post_at_once(app, sender, posts)

    assert {status for status, _ in answers} <= {200, 204}
    calls = session.scalars(select(Call)).all()
    assert len(calls) == 6
    assert {(call.status, call.duration, call.settled) for call in calls} == {(CallStatus.COMPLETED, 30, True)}
    assert session.scalars(select(func.count()).select_from(CallDetailRecord)).one() == 6
    events = session.scalars(select(BroadcastEvent).order_by(BroadcastEvent.sequence)).all()
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert session.scalars(select(ChannelHead)).one().sequence == len(events)
    for call in calls:
        names = [event.name for event in events if event.payload["call_id"] == call.call_id]
        assert names == sorted(set(names), key=["call.initiated", "call.answered", "call.ended"].index)
        assert names[-1] == "call.ended"
        assert names[0] == "call.initiated" or names == ["call.ended"]
