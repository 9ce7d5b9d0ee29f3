"""`SOKETI_DEBUG=1`: every frame in and out is logged, signatures and secrets masked. Not for production: it costs."""

import re

import structlog

from opbx.relay.connection import Connection
from opbx.relay.frames import Close, Ping, Pong, Text

log = structlog.get_logger()

#: Longer ones are cut off in the log.
_MOST = 2000

#: Members of JSON that prove or open something, also where JSON is a string within JSON.
_SECRET = re.compile(r'((\\*)"(?:auth|[a-z_]*(?:token|secret|password)[a-z_]*)\2"\s*:\s*\2")(?:(?!\\*").)*', re.I)


def masked(text: str) -> str:
    """`text` without what must not be in a log."""
    return _SECRET.sub(r"\1***", text)[:_MOST]


class LoudConnection(Connection):
    """A connection that tells of every frame."""

    __slots__ = ()

    def send(self, frames: bytes) -> None:
        for kind, text in _taken_apart(frames):
            log.info("frame out", socket_id=self.socket_id, kind=kind, text=masked(text))
        super().send(frames)

    def _act(self, incoming: Text | Ping | Pong | Close) -> None:
        text = incoming.text if isinstance(incoming, Text) else ""
        log.info("frame in", socket_id=self.socket_id, kind=type(incoming).__name__.lower(), text=masked(text))
        super()._act(incoming)


def _taken_apart(frames: bytes) -> list[tuple[str, str]]:
    """Kind and text of each of our own frames, which are whole and without a mask."""
    found, position = [], 0
    while position < len(frames):
        opcode, size, start = frames[position] & 0x0F, frames[position + 1], position + 2
        if size == 126:
            size, start = int.from_bytes(frames[start : start + 2]), start + 2
        elif size == 127:
            size, start = int.from_bytes(frames[start : start + 8]), start + 8
        found.append(_read(opcode, frames[start : start + size]))
        position = start + size
    return found


def _read(opcode: int, payload: bytes) -> tuple[str, str]:
    if opcode == 1:
        return "text", payload.decode("utf-8", "replace")
    if opcode == 8:
        return "close", f"{int.from_bytes(payload[:2])} {payload[2:].decode('utf-8', 'replace')}"
    return {9: "ping", 10: "pong"}.get(opcode, str(opcode)), ""
