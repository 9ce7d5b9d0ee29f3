"""Batches: what is sent in one request, always of one app and to one URL."""

from collections.abc import Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Final
from urllib.parse import urlsplit

import orjson

from opbx.apps import App
from opbx.backplane.hooks import Entry

#: The task that sends a batch.
SEND: Final = "webhooks.send"

#: Limits of what one request tells: events, and bytes (one event may be larger by itself).
MOST_EVENTS: Final = 1000
MOST_BYTES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Batch:
    """`body` is what is signed and sent, the same at every try; `time_ms` is when the first was due.

    `attempts` are those that were not accepted so far.
    """

    id: str
    app_id: str
    url: str
    time_ms: int
    body: str
    attempts: int = 0


def fitting(entries: Sequence[Entry]) -> list[Entry]:
    """As many of the first entries as one request may tell, at least one."""
    taken: list[Entry] = []
    size = 0
    for entry in entries[:MOST_EVENTS]:
        size += len(entry.event) + 1
        if taken and size > MOST_BYTES:
            break
        taken.append(entry)
    return taken


def batches(app: App, entries: Sequence[Entry], time_ms: int) -> list[Batch]:
    """One batch for each URL that wants any of the entries; webhooks that share a URL share its batch."""
    found = []
    for url in urls(app):
        hooks = [hook for hook in app.webhooks if hook.url == url]
        events = [
            orjson.Fragment(entry.event)
            for entry in entries
            if any(hook.wants(entry.name, entry.channel) for hook in hooks)
        ]
        if events:
            body = orjson.dumps({"time_ms": time_ms, "events": events}).decode()
            found.append(Batch(token_hex(8), app.id, url, time_ms, body))
    return found


def shown(url: str) -> str:
    """A webhook's URL for logs and people: who may post there is often told by its user or its query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def urls(app: App) -> list[str]:
    """Where the app's webhooks go, each URL once."""
    return list(dict.fromkeys(hook.url for hook in app.webhooks))
