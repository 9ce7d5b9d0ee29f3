"""A client process that tells what happens to it in JSON lines, and takes orders in the same way."""

import json
import os
import queue
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from opbx.settings import ROOT

Line = dict[str, Any]


def node() -> str:
    """This machine's Node, or the one in the virtual environment."""
    return shutil.which("node") or str(ROOT / ".venv/bin/node")


class LineProcess:
    """`lines` is all that the process has said so far; what is not JSON becomes a line of kind `noise`."""

    def __init__(self, *command: str, env: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
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

    def seen(self, kind: str) -> list[Line]:
        """All lines of a kind that have arrived by now."""
        while not self._incoming.empty():
            self.lines.append(self._incoming.get())
        return [line for line in self.lines if line["kind"] == kind]

    def order(self, **command: Any) -> None:
        """Send an order."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
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
