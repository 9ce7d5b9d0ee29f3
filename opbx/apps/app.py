"""One Pusher application and its webhooks, with the limits that relays hold it to."""

from dataclasses import dataclass, field
from typing import Final

#: What a webhook can be told of.
WEBHOOK_EVENTS: Final = (
    "channel_occupied",
    "channel_vacated",
    "member_added",
    "member_removed",
    "client_event",
    "cache_miss",
    "subscription_count",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Where an app's webhooks go, and which: by event name and by the ends of the channel's name (empty: all)."""

    url: str = field(repr=False)
    events: frozenset[str] = frozenset()
    channel_prefix: str = ""
    channel_suffix: str = ""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def wants(self, event: str, channel: str) -> bool:
        """Whether it is to be told of `event` on `channel`."""
        return (
            (not self.events or event in self.events)
            and channel.startswith(self.channel_prefix)
            and channel.endswith(self.channel_suffix)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """One application: who may publish and subscribe under its key, and within which limits. -1 is no limit."""

    id: str
    key: str
    secret: str = field(repr=False)  #: signs, and verifies
    previous_secrets: tuple[str, ...] = field(default=(), repr=False)  #: verify, while others change over
    enabled: bool = True
    allowed_origins: tuple[str, ...] = ()  #: empty: all
    client_events: bool = False
    subscription_count: bool = False
    max_connections: int = 10_000  #: over all nodes
    max_backend_events_per_second: int = -1
    max_client_events_per_second: int = 10  #: of one connection
    max_read_requests_per_second: int = -1
    max_payload: int = 10_240  #: bytes of `data`
    max_presence_members: int = 100
    webhooks: tuple[Webhook, ...] = ()
    own: bool = False  #: this product's own, of the environment: to its channels the product's rules apply

    @property
    def secrets(self) -> tuple[str, ...]:
        """All that verify, the one that signs first."""
        return (self.secret, *self.previous_secrets)

    def wants(self, event: str, channel: str) -> bool:
        """Whether any webhook is to be told of `event` on `channel`."""
        return any(hook.wants(event, channel) for hook in self.webhooks)


#: Stands for the app of a connection that is being refused.
NO_APP = App(id="", key="", secret="", enabled=False)
