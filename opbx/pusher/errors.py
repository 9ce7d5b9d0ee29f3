"""What goes wrong on a connection: close codes, one class each, and errors that leave it open.

Source: the protocol's section "Connection". pusher-js gives up for good on 4001-4099 and on 4300 and above,
retries after a second on 4100-4199 and at once on 4200-4299; a wrong code here strands a client.
"""

from typing import ClassVar


class Closing(Exception):
    """The connection ends with `code` and `reason`. The message of the instance, where given, is the reason."""

    code: ClassVar[int]
    reason: ClassVar[str]

    def __init__(self, reason: str | None = None) -> None:
        super().__init__(reason or self.reason)


class UnknownApp(Closing):
    code = 4001
    reason = "There is no app with this key"


class AppDisabled(Closing):
    code = 4003
    reason = "The app is disabled"


class OverQuota(Closing):
    code = 4004
    reason = "The app has as many connections as it may have"


class PathNotFound(Closing):
    code = 4005
    reason = "There is nothing at this path; connect to /app/{key}"


class BadVersion(Closing):
    code = 4006
    reason = "The protocol version is not a number"


class UnsupportedProtocol(Closing):
    code = 4007
    reason = "This protocol version is not supported; versions 5 to 7 are"


class NoProtocol(Closing):
    code = 4008
    reason = "No protocol version was given"


class Unauthorized(Closing):
    code = 4009
    reason = "The connection is no longer authorized"


class OverCapacity(Closing):
    code = 4100
    reason = "The connection reads too slowly"


class ReconnectNow(Closing):
    code = 4200
    reason = "The server is going away; reconnect"


class PongTimeout(Closing):
    code = 4201
    reason = "No pong came in time"


class UnsupportedData(Closing):
    """RFC 6455, section 7.4.1."""

    code = 1003
    reason = "Text frames only"


class MessageTooBig(Closing):
    """RFC 6455, section 7.4.1."""

    code = 1009
    reason = "The message is too big"


class BadMessage(Exception):
    """A client's message cannot be used; it is told so by `pusher:error`, and the connection stays open."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class SubscriptionRefused(Exception):
    """A subscription is not granted; `pusher:subscription_error` says why, and the connection stays open."""

    def __init__(self, error: str, *, kind: str = "AuthError", status: int = 401) -> None:
        super().__init__(error)
        self.kind = kind
        self.status = status
