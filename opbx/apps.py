"""The Pusher applications that relays serve and workers send webhooks for: one from the environment, more from a file."""

from dataclasses import dataclass, field

from opbx.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Where an app's webhooks go, and which: by event name and by how the channel's name begins (empty: all)."""

    url: str
    events: frozenset[str] = frozenset()
    channel_prefix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """One application: who may publish and subscribe under its key, and within which limits. -1 is no limit."""

    id: str
    key: str
    secret: str = field(repr=False)
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

    def wants(self, event: str, channel: str) -> bool:
        """Whether any webhook is to be told of `event` on `channel`."""
        return any(
            (not hook.events or event in hook.events) and channel.startswith(hook.channel_prefix)
            for hook in self.webhooks
        )


#: Stands for the app of a connection that is being refused.
NO_APP = App(id="", key="", secret="", enabled=False)


class Apps:
    """All applications, found by key (sockets) and by id (HTTP API)."""

    def __init__(self, apps: list[App]) -> None:
        self._by_key = {app.key: app for app in apps}
        self._by_id = {app.id: app for app in apps}

    @classmethod
    def from_settings(cls, settings: Settings) -> "Apps":
        return cls(
            [
                App(
                    id=settings.pusher.app_id,
                    key=settings.pusher.key,
                    secret=settings.pusher.secret,
                    max_connections=settings.relay.max_connections,
                    max_backend_events_per_second=settings.relay.max_backend_events_per_second,
                    max_client_events_per_second=settings.relay.max_client_events_per_second,
                    max_read_requests_per_second=settings.relay.max_read_requests_per_second,
                    max_presence_members=settings.relay.max_presence_members,
                    max_payload=settings.relay.max_payload,
                )
            ]
        )

    def by_key(self, key: str) -> App | None:
        return self._by_key.get(key)

    def by_id(self, app_id: str) -> App | None:
        return self._by_id.get(app_id)
