"""Just enough of WebSocket and of the Pusher protocol for a load client: as little work a message as possible."""

import orjson

from opbx.pusher.signatures import subscription_auth

#: The Pusher application that all parts use.
APP_ID, KEY, SECRET = "4711", "bench-key", "bench-secret"

PATH = f"/app/{KEY}?protocol=7&client=bench&version=1"


def upgrade(path: str = PATH) -> bytes:
    """The request that opens a WebSocket."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    ).encode()


def text_frame(payload: bytes) -> bytes:
    """A client's text frame. The mask is zero: the server has to undo it all the same, the client saves the work."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126, size >> 8, size & 255])
    return b"\x81" + length + b"\0\0\0\0" + payload


def frame_size(data: bytes | bytearray, at: int = 0) -> tuple[int, int] | None:
    """Header and payload size of the server's frame that begins at `at`; None where too little of it is there."""
    if len(data) < at + 2:
        return None
    size = data[at + 1]
    if size < 126:
        return 2, size
    header = 4 if size == 126 else 10
    if len(data) < at + header:
        return None
    return header, int.from_bytes(data[at + 2 : at + header], "big")


def take_frames(buffer: bytearray) -> list[bytes]:
    """Remove the whole frames at the front of `buffer` and return their payloads."""
    payloads, at = [], 0
    while (sizes := frame_size(buffer, at)) and len(buffer) >= at + sum(sizes):
        header, size = sizes
        payloads.append(bytes(buffer[at + header : at + header + size]))
        at += header + size
    del buffer[:at]
    return payloads


def subscribe(socket_id: str, channel: str, member: dict[str, object] | None = None) -> bytes:
    """The frame that asks for `channel`, signed as /broadcasting/auth would; `member` for presence channels."""
    data: dict[str, str] = {"channel": channel}
    if member is not None:
        data["channel_data"] = orjson.dumps(member).decode()
    if channel.startswith(("private-", "presence-")):
        data["auth"] = subscription_auth(KEY, SECRET, socket_id, channel, data.get("channel_data"))
    return text_frame(orjson.dumps({"event": "pusher:subscribe", "data": data}))


PONG = text_frame(b'{"event":"pusher:pong","data":{}}')
