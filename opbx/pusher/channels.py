"""Channel names: which kind a name is, which names are allowed, which name a subscription must not use.

Source: the protocol's section "Channels".
"""

import re
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

MAX_CHANNEL_NAME = 200
MAX_EVENT_NAME = 200

USER_CHANNEL_PREFIX = "#server-to-user-"

_NAME = re.compile(rf"[A-Za-z0-9_\-=@,.;]{{1,{MAX_CHANNEL_NAME}}}\Z")


class Kind(Enum):
    """What a subscription to a channel needs."""

    PUBLIC = "public"
    PRIVATE = "private"
    ENCRYPTED = "private-encrypted"
    PRESENCE = "presence"
    USER = "server-to-user"

    @property
    def guarded(self) -> bool:
        """Whether a subscription needs a signature of the application."""
        return self in {Kind.PRIVATE, Kind.ENCRYPTED, Kind.PRESENCE}


@dataclass(frozen=True, slots=True)
class ChannelName:
    """A channel's name on the wire, taken apart. `logical` is what remains without the kind's prefix."""

    wire: str
    kind: Kind
    cache: bool
    logical: str


# Longest first: `private-encrypted-cache-` also begins with `private-`.
_PREFIXES = (
    ("private-encrypted-cache-", Kind.ENCRYPTED, True),
    ("private-encrypted-", Kind.ENCRYPTED, False),
    ("private-cache-", Kind.PRIVATE, True),
    ("private-", Kind.PRIVATE, False),
    ("presence-cache-", Kind.PRESENCE, True),
    ("presence-", Kind.PRESENCE, False),
    ("cache-", Kind.PUBLIC, True),
    (USER_CHANNEL_PREFIX, Kind.USER, False),
)


@lru_cache(maxsize=4096)
def parse_channel(wire: str) -> ChannelName | None:
    """Take `wire` apart, or return None when it is no channel name at all."""
    body = wire.removeprefix(USER_CHANNEL_PREFIX)
    if not _NAME.match(body):
        return None
    for prefix, kind, cache in _PREFIXES:
        if wire.startswith(prefix):
            return ChannelName(wire, kind, cache, wire.removeprefix(prefix))
    return ChannelName(wire, Kind.PUBLIC, False, wire)


@dataclass(frozen=True, slots=True)
class ReservedNames:
    """Logical names that belong to an application's channel rules and exist on the wire as one kind only.

    `presence.org.7` is a *public* name on the wire, although the application means a presence channel by it.
    Whoever might subscribe to it, or to `private-presence.org.7`, would stand beside the rule that guards the
    channel; so each logical prefix is reserved for the kind under which the application publishes.
    """

    kinds: tuple[tuple[str, Kind], ...] = (
        ("presence.org.", Kind.PRESENCE),
        ("user.", Kind.PRIVATE),
        ("extension.", Kind.PRIVATE),
    )

    def allow(self, name: ChannelName) -> bool:
        """Whether a subscription to `name` is of the kind that its logical name demands."""
        for prefix, kind in self.kinds:
            if name.logical.startswith(prefix) and not (name.kind is kind and not name.cache):
                return False
        return True
