"""What is fuzzed, and what must hold whatever the bytes are. A target returns, or raises what is wrong."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from gunicorn.config import Config
from gunicorn.http import errors
from gunicorn.http.parser import RequestParser

from opbx.pusher import messages
from opbx.pusher.channels import parse_channel
from opbx.pusher.errors import BadMessage, Closing, SubscriptionRefused
from opbx.pusher.signatures import signin_auth
from opbx.pusher.signin import verify_signin
from opbx.pusher.subscriptions import parse_channel_data
from opbx.relay.frames import Decoder, Incoming
from opbx.relay.plain import Head, read_head

_LIMIT: Final = 1000


def frames(data: bytes) -> None:
    """A decoder says the same however its input is cut, and ends in no other way than by `Closing`.

    The first byte is the size of the pieces. Of two faults in one frame, either may be named.
    """
    size, data = (data[0] if data else 0) + 1, data[1:]
    whole = _decode([data])
    pieces = _decode([data[at : at + size] for at in range(0, len(data), size)])
    assert whole == pieces, f"{whole} whole, {pieces} in pieces of {size}"


def _decode(pieces: list[bytes]) -> list[Incoming | str]:
    """What the pieces say, and whether the connection ended by it."""
    decoder, found = Decoder(_LIMIT), list[Incoming | str]()
    try:
        for piece in pieces:
            found.extend(decoder.feed(piece))
    except Closing:
        found.append("closed")
    return found


def messages_(data: bytes) -> None:
    """A client's message is understood or refused with the protocol's own errors, and so is what it carries."""
    text = data.decode("utf-8", "replace")
    with suppress(BadMessage):
        message = messages.parse_message(text)
        fields = messages.object_data(message)
        parse_channel(messages.text_field(fields, "channel") or "")
    with suppress(SubscriptionRefused):
        parse_channel_data(text)
    with suppress(BadMessage):
        auth = signin_auth("key", "secret", "1.1", text)
        verify_signin(key="key", secrets=("secret",), socket_id="1.1", auth=auth, user_data=text)


def requests(data: bytes) -> None:
    """What is taken for a plain request is one, and the same one, to gunicorn."""
    head = read_head(data)
    if head is None:
        return
    body = data[head.size : head.size + head.length]
    if len(body) < head.length:
        return
    config = Config()
    try:
        request: Any = next(RequestParser(config, iter([data]), ("127.0.0.1", 1)))
    except (errors.InvalidHeaderName, errors.InvalidSchemeHeaders):
        return  # of headers that only proxies may set
    _agree(head, body, request)


def _agree(head: Head, body: bytes, request: Any) -> None:
    assert (head.method, head.target) == (request.method, request.uri)
    assert list(head.headers.items()) == request.headers
    assert body == request.body.read()
    assert head.closes or not request.should_close()  # gunicorn knows `close` only where it stands alone


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {"frames": frames, "messages": messages_, "requests": requests}
