"""The Pusher applications that this relay serves."""

from dataclasses import dataclass, field

from opbx.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """One application: who may publish and subscribe under its key, and within which limits."""

    id: str
    key: str
    secret: str = field(repr=False)
    enabled: bool = True
    max_connections: int = 10_000
    max_presence_members: int = 100
    max_payload: int = 10_240


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
                    max_presence_members=settings.relay.max_presence_members,
                    max_payload=settings.relay.max_payload,
                )
            ]
        )

    def by_key(self, key: str) -> App | None:
        return self._by_key.get(key)

    def by_id(self, app_id: str) -> App | None:
        return self._by_id.get(app_id)
