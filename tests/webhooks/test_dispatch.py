"""Dispatching, on a real Redis: what is queued when, for whom, how often, and what is forgotten."""

from threading import Barrier, Thread
from typing import Any

import orjson
import pytest
from redis import Redis

from opbx.apps import App, Webhook
from opbx.backplane import hooks
from opbx.backplane.hooks import Turns, hook_call
from opbx.backplane.keys import ChannelKeys
from opbx.backplane.occupancy import occupy_call
from opbx.backplane.scripts import run
from opbx.webhooks import batches, dispatch
from opbx.webhooks.batches import Batch
from opbx.webhooks.dispatch import Dispatcher
from opbx.webhooks.hold import HOLD

APP = App(id="app", key="key", secret="secret", webhooks=(Webhook(url="u"),))
OTHER = App(id="other", key="other-key", secret="secret", webhooks=(Webhook(url="u"),))


class Clock:
    """Redis' clock, and how far it was put forward."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._now_ms = hooks.now_ms
        self.forward = 0

    def now_ms(self, _: Redis, app_id: str) -> int:
        return self._now_ms(self._redis, app_id) + 1 + self.forward


@pytest.fixture
def clock(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(redis)
    monkeypatch.setattr(hooks, "now_ms", clock.now_ms)
    return clock


class Sent(list[Batch]):
    """What was queued; each batch's endpoint is free again at once, unless it is to stay `busy`."""

    def __init__(self, redis: Redis) -> None:
        super().__init__()
        self.busy = False
        self._redis = redis

    def __call__(self, batch: Batch) -> None:
        self.append(batch)
        if not self.busy:
            Turns(self._redis, batch.app_id).release(batch.url, batch.id)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for batch in self for event in orjson.loads(batch.body)["events"]]

    @property
    def names(self) -> list[str]:
        return [event["name"] for event in self.events]


@pytest.fixture
def sent(redis: Redis) -> Sent:
    return Sent(redis)


@pytest.fixture
def dispatcher(redis: Redis, clock: Clock, sent: Sent) -> Dispatcher:
    return Dispatcher(redis, sent, clock=lambda: 1234.5)


def queue(redis: Redis, *names: str, app: App = APP, channel: str = "a", **details: Any) -> None:
    run(redis, [hook_call(app.id, {"name": name, "channel": channel, **details}) for name in names])


def test_what_is_ready_is_queued_and_forgotten(redis: Redis, dispatcher: Dispatcher, sent: Sent) -> None:
    queue(redis, "channel_occupied")
    queue(redis, "subscription_count", subscription_count=1)
    assert dispatcher.dispatch([APP]) == 1
    (batch,) = sent
    assert (batch.app_id, batch.url, batch.time_ms) == ("app", "u", 1234500)
    assert sent.events == [
        {"name": "channel_occupied", "channel": "a"},
        {"name": "subscription_count", "channel": "a", "subscription_count": 1},
    ]
    assert not hooks.waiting(redis, ["app"])
    assert dispatcher.dispatch([APP]) == 0


def test_an_absence_is_held_and_then_told(redis: Redis, dispatcher: Dispatcher, sent: Sent, clock: Clock) -> None:
    queue(redis, "channel_vacated")
    queue(redis, "channel_occupied", channel="b")
    dispatcher.dispatch([APP])
    assert sent.names == ["channel_occupied"]
    clock.forward = HOLD
    dispatcher.dispatch([APP])
    assert sent.names == ["channel_occupied", "channel_vacated"]


def test_an_absence_undone_is_never_told(redis: Redis, dispatcher: Dispatcher, sent: Sent) -> None:
    queue(redis, "channel_vacated", "channel_occupied")
    dispatcher.dispatch([APP])
    assert not sent
    assert not hooks.waiting(redis, ["app"])


def test_a_return_queued_before_the_absence(redis: Redis, dispatcher: Dispatcher, sent: Sent, clock: Clock) -> None:
    """Two relays saw one each; the channel itself knows better."""
    run(redis, [occupy_call(ChannelKeys("app", "a"), "node", 1, tell=False)])
    queue(redis, "channel_occupied", "channel_vacated")
    clock.forward = HOLD
    dispatcher.dispatch([APP])
    assert sent.names == ["channel_occupied"]
    assert not hooks.waiting(redis, ["app"])


def test_each_app_gets_its_own(redis: Redis, dispatcher: Dispatcher, sent: Sent) -> None:
    queue(redis, "channel_occupied")
    queue(redis, "cache_miss", app=OTHER)
    assert dispatcher.dispatch([APP, OTHER, App(id="third", key="third", secret="s")]) == 2
    assert [(batch.app_id, orjson.loads(batch.body)["events"][0]["name"]) for batch in sent] == [
        ("app", "channel_occupied"),
        ("other", "cache_miss"),
    ]


def test_what_nobody_wants_is_forgotten(redis: Redis, dispatcher: Dispatcher, sent: Sent) -> None:
    queue(redis, "channel_occupied")
    choosy = App(id="app", key="k", secret="s", webhooks=(Webhook(url="u", channel_prefix="private-"),))
    dispatcher.dispatch([choosy])
    assert not sent
    assert not hooks.waiting(redis, ["app"])


def test_nothing_is_forgotten_that_could_not_be_queued(redis: Redis, clock: Clock, sent: Sent) -> None:
    def broker_away(_: Batch) -> None:
        raise ConnectionError

    queue(redis, "channel_occupied")
    with pytest.raises(ConnectionError):
        Dispatcher(redis, broker_away).dispatch([APP])
    Dispatcher(redis, sent).dispatch([APP])
    assert sent.names == ["channel_occupied"]


def test_many_dispatchers_at_once_queue_each_event_once(redis: Redis, clock: Clock, sent: Sent) -> None:
    count = 8
    start = Barrier(count)

    def work() -> None:
        start.wait()
        dispatcher = Dispatcher(redis, sent)
        for _ in range(20):
            dispatcher.dispatch([APP])

    for number in range(200):
        queue(redis, "member_added", user_id=str(number))
    threads = [Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [event["user_id"] for event in sent.events] == [str(number) for number in range(200)]


def test_events_gather_while_the_endpoint_is_busy(redis: Redis, dispatcher: Dispatcher, sent: Sent) -> None:
    sent.busy = True
    for name in ("channel_occupied", "subscription_count", "cache_miss"):
        queue(redis, name)
        dispatcher.dispatch([APP])
    assert sent.names == ["channel_occupied"]
    Turns(redis, "app").release("u", sent[0].id)
    dispatcher.dispatch([APP])
    assert [len(orjson.loads(batch.body)["events"]) for batch in sent] == [1, 2]


def test_an_endpoint_that_rests_holds_up_nobody(redis: Redis, dispatcher: Dispatcher, sent: Sent) -> None:
    Turns(redis, "app").rest("u", 60)
    app = App(id="app", key="key", secret="secret", webhooks=(Webhook(url="u"), Webhook(url="v")))
    for name in ("channel_occupied", "cache_miss"):
        queue(redis, name)
        dispatcher.dispatch([app])
    assert [batch.url for batch in sent] == ["u", "v", "u", "v"]


def test_a_backlog_goes_in_batches(
    redis: Redis, dispatcher: Dispatcher, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "_WINDOW", 10)
    monkeypatch.setattr(batches, "MOST_EVENTS", 7)
    queue(redis, "member_removed", user_id="7")
    for number in range(20):
        queue(redis, "member_added", channel="b" if number % 2 else "a", user_id=str(100 + number))
    while dispatcher.dispatch([APP]):
        pass
    assert [event["user_id"] for event in sent.events] == [str(100 + number) for number in range(20) if number % 2]


def test_more_absences_than_are_read_at_once(
    redis: Redis, dispatcher: Dispatcher, sent: Sent, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "_WINDOW", 10)
    for number in range(25):
        queue(redis, "member_removed", user_id=str(number))
    queue(redis, "member_added", user_id="3")
    queue(redis, "channel_occupied", channel="b")
    dispatcher.dispatch([APP])
    assert sent.names == ["channel_occupied"]
    clock.forward = HOLD
    while dispatcher.dispatch([APP]):
        pass
    assert [event.get("user_id") for event in sent.events[1:]] == [str(n) for n in range(25) if n != 3]


def test_losing_events_is_said(
    redis: Redis, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    said: list[str] = []
    monkeypatch.setattr(dispatch.log, "error", lambda event, **_: said.append(event))
    monkeypatch.setattr(hooks, "MOST", 3)
    queue(redis, "channel_occupied", "cache_miss", "cache_miss")
    dispatcher.dispatch([APP])
    assert said == ["too many webhook events wait, the oldest are lost"]
