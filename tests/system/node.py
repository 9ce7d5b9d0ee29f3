"""A real pusher-js or laravel-echo client in a Node process of its own, seen through the lines that it prints."""

import json
from pathlib import Path
from typing import Any

from opbx.settings import ROOT
from tests.lines import Line, LineProcess, node

EVENTS = ["call.initiated", "call.answered", "call.ended", "opbx:resync"]


class NodeClient(LineProcess):
    """Subscribes to `channels` as soon as it is made; over TLS where there is an `authority` to trust."""

    def __init__(
        self,
        library: str,
        *,
        port: int,
        key: str,
        auth_endpoint: str,
        token: str,
        channels: list[str],
        params: dict[str, Any] | None = None,
        authority: Path | None = None,
    ) -> None:
        options = {
            "library": library, "host": "localhost" if authority else "127.0.0.1", "port": port, "key": key,
            "authEndpoint": auth_endpoint, "token": token, "channels": channels, "events": EVENTS,
            "params": params or {}, "tls": authority is not None,
        }  # fmt: skip
        env = {"NODE_EXTRA_CA_CERTS": str(authority)} if authority else None
        super().__init__(node(), str(ROOT / "tests/clients/listen.mjs"), json.dumps(options), env=env)

    def wait_subscribed(self, channel: str) -> Line:
        return self.wait(
            lambda line: line["kind"] == "subscribed" and line["channel"] == channel, what=f"subscription of {channel}"
        )

    def wait_refused(self, channel: str) -> Line:
        return self.wait(
            lambda line: line["kind"] == "refused" and line["channel"] == channel, what=f"refusal of {channel}"
        )

    def wait_closed(self, *, timeout: float) -> int | None:
        """The code with which the relay ended the connection, within `timeout` seconds from now."""
        line = self.wait(lambda line: line["kind"] == "error", timeout=timeout, what="the end of the connection")
        code: int | None = line["code"]
        return code

    def wait_events(self, call_id: str, count: int) -> list[Line]:
        """The first `count` events of a call."""

        def enough(_line: Line) -> bool:
            return len(self.events(call_id)) >= count

        self.wait(enough, what=f"{count} events of {call_id}")
        return self.events(call_id)

    def events(self, call_id: str) -> list[Line]:
        return [line for line in self.seen("event") if line["data"].get("call_id") == call_id]

    def present(self) -> set[str]:
        """The members of the client's presence channel, as far as it was told."""
        present: set[str] = set()
        self.seen("event")
        for line in self.lines:
            match line["kind"]:
                case "subscribed":
                    present |= set(line["members"])
                case "joined":
                    present.add(line["id"])
                case "left":
                    present.discard(line["id"])
        return present

    def leave(self, channel: str) -> None:
        self.order(leave=channel)
