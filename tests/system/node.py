"""A real pusher-js or laravel-echo client in a Node process of its own, seen through the lines that it prints."""

import json
import os
import queue
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from opbx.settings import ROOT

CLIENT = Path(__file__).parent / "clients" / "client.mjs"
EVENTS = ["call.initiated", "call.answered", "call.ended", "opbx:resync"]

Line = dict[str, Any]


class NodeClient:
    """Subscribes to `channels` as soon as it is made. `lines` is all that it has said so far."""

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
    ) -> None:
        options = {
            "library": library, "host": "127.0.0.1", "port": port, "key": key, "authEndpoint": auth_endpoint,
            "token": token, "channels": channels, "events": EVENTS, "params": params or {},
        }  # fmt: skip
        node = shutil.which("node") or str(ROOT / ".venv/bin/node")
        self._process = subprocess.Popen(
            [node, str(CLIENT), json.dumps(options)], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "NODE_PACKAGES": str(ROOT / "dashboard")},
        )  # fmt: skip
        self.lines: list[Line] = []
        self._incoming: queue.Queue[Line] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                self._incoming.put(json.loads(line))
            except ValueError:
                self._incoming.put({"kind": "noise", "text": line.rstrip()[:300]})

    def wait(self, wanted: Callable[[Line], bool], *, timeout: float = 30.0, what: str = "a line") -> Line:
        """The first line, said already or still to come, that is `wanted`."""
        for line in self.lines:
            if wanted(line):
                return line
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            try:
                line = self._incoming.get(timeout=left)
            except queue.Empty:
                break
            self.lines.append(line)
            if wanted(line):
                return line
        raise AssertionError(f"{what} did not come within {timeout:g} s; said so far: {self.lines}")

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

    def seen(self, kind: str) -> list[Line]:
        """All lines of a kind that have arrived by now."""
        while not self._incoming.empty():
            self.lines.append(self._incoming.get())
        return [line for line in self.lines if line["kind"] == kind]

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
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"leave": channel}) + "\n")
        self._process.stdin.flush()

    def close(self) -> None:
        """End the process; its socket closes without a farewell, as a closed laptop's does."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._reader.join(5)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
