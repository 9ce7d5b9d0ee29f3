"""Stands in for a socket's connection: keeps what was sent, as messages."""

from typing import Any

import orjson

from opbx.apps import App
from opbx.pusher.errors import Closing
from opbx.relay.channel import Channel
from opbx.relay.frames import text_frame

APP = App(id="app", key="key", secret="secret")


class FakeConnection:
    """What a channel and the subscriptions use of a connection."""

    def __init__(self, socket_id: str = "1.1", app: App = APP) -> None:
        self.socket_id = socket_id
        self.app = app
        self.channels: dict[str, Channel] = {}
        self.sent: list[dict[str, Any]] = []
        self.writes = 0
        self.closed_with: Closing | None = None
        self.is_open = True
        self.seen = 0.0

    def send(self, frames: bytes) -> None:
        self.writes += 1
        while frames:
            size, start = frames[1], 2
            if size == 126:
                size, start = int.from_bytes(frames[2:4]), 4
            elif size == 127:
                size, start = int.from_bytes(frames[2:10]), 10
            self.sent.append(orjson.loads(frames[start : start + size]))
            frames = frames[start + size :]

    def send_text(self, payload: bytes) -> None:
        self.send(text_frame(payload))

    def close(self, closing: Closing) -> None:
        self.closed_with = closing

    @property
    def events(self) -> list[str]:
        return [message["event"] for message in self.sent]
