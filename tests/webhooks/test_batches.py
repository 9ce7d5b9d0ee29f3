"""Batches: filters, one for each URL, and bounded."""

from typing import Any

import orjson
import pytest

from opbx.apps import App, Webhook
from opbx.backplane.hooks import Entry
from opbx.webhooks import batches as module
from opbx.webhooks.batches import batches, fitting


def entry(number: int, name: str = "channel_occupied", channel: str = "a", **details: Any) -> Entry:
    event = orjson.dumps({"name": name, "channel": channel, **details})
    return Entry.decode(f"{number}-0".encode(), event)


def app(*webhooks: Webhook) -> App:
    return App(id="app", key="key", secret="secret", webhooks=webhooks)


ENTRIES = [
    entry(1, channel="presence-a"),
    entry(2, "member_added", "presence-a", user_id="7"),
    entry(3, "client_event", "private-b", event="client-x", data="{}", socket_id="1.1"),
]


@pytest.mark.parametrize(
    ("webhook", "told"),
    [
        (Webhook(url="u"), [1, 2, 3]),
        (Webhook(url="u", events=frozenset({"member_added", "client_event"})), [2, 3]),
        (Webhook(url="u", channel_prefix="presence-"), [1, 2]),
        (Webhook(url="u", channel_suffix="-b"), [3]),
        (Webhook(url="u", channel_prefix="presence-", events=frozenset({"member_added"})), [2]),
        (Webhook(url="u", channel_prefix="nothing"), []),
    ],
)
def test_a_webhook_is_told_what_it_asked_for(webhook: Webhook, told: list[int]) -> None:
    found = batches(app(webhook), ENTRIES, 5)
    events = [event for batch in found for event in orjson.loads(batch.body)["events"]]
    assert events == [orjson.loads(ENTRIES[number - 1].event) for number in told]
    assert len(found) == (1 if told else 0)


def test_a_url_gets_one_batch_and_no_event_twice() -> None:
    webhooks = [
        Webhook(url="u", channel_prefix="presence-"),
        Webhook(url="u", events=frozenset({"member_added"})),
        Webhook(url="v", channel_prefix="private-"),
    ]
    first, second = batches(app(*webhooks), ENTRIES, 5)
    assert (first.url, len(orjson.loads(first.body)["events"])) == ("u", 2)
    assert (second.url, len(orjson.loads(second.body)["events"])) == ("v", 1)
    assert first.id != second.id
    assert (first.app_id, first.time_ms, orjson.loads(first.body)["time_ms"]) == ("app", 5, 5)


def test_a_batch_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_EVENTS", 10)
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    small = [entry(number) for number in range(1, 30)]
    assert fitting(small) == small[:10]
    large = [entry(1, data="x" * 300), entry(2, data="x" * 300), entry(3, data="x" * 900), entry(4)]
    assert fitting(large) == large[:2]
    assert fitting(large[2:]) == large[2:]
    assert fitting([entry(1, data="x" * 5000), entry(2)]) == [entry(1, data="x" * 5000)]
    assert fitting([]) == []
