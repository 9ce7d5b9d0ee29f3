"""The Pusher applications that relays serve and workers send webhooks for.

One is from the environment, more may be in a file. The relay imports this: it stays free of everything but settings.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import orjson

from opbx.apps.app import NO_APP, App, Webhook
from opbx.apps.file import AppsFile, load
from opbx.apps.schemas import NAME, NAME_RULE, ORIGIN, ORIGIN_RULE, WebhookSchema
from opbx.settings import PLACEHOLDER_SECRETS, Settings, SettingsError

__all__ = ["NO_APP", "ORIGIN", "ORIGIN_RULE", "App", "Apps", "Webhook"]


class Apps:
    """All applications, found by key (sockets) and by id (HTTP API).

    `read` gives them anew, or raises `SettingsError`; `changed` says whether it would give others than before.
    """

    def __init__(
        self, apps: list[App], read: Callable[[], list[App]] | None = None, changed: Callable[[], bool] | None = None
    ) -> None:
        self._read = read or (lambda: apps)
        self._changed = changed or (lambda: False)
        self._take(apps)

    @classmethod
    def from_settings(cls, settings: Settings) -> "Apps":
        """The app of the environment and those of `PUSHER_APPS_FILE`. Raises `SettingsError`."""
        own = _from_environment(settings)
        if not settings.apps_file:
            return cls(_distinct([own], settings, "the environment"))
        file = AppsFile(Path(settings.apps_file))

        def read() -> list[App]:
            return _distinct([own, *file.read()], settings, str(file.path))

        return cls(read(), read, file.changed)

    def reload(self) -> None:
        """Read the file again. Raises `SettingsError` and keeps what was, where it cannot be used."""
        self._take(self._read())

    def refresh(self) -> bool:
        """`reload` where the file has changed since it was last read; whether it has."""
        if not self._changed():
            return False
        self.reload()
        return True

    def by_key(self, key: str) -> App | None:
        return self._by_key.get(key)

    def by_id(self, app_id: str) -> App | None:
        return self._by_id.get(app_id)

    def __iter__(self) -> Iterator[App]:
        return iter(list(self._by_id.values()))

    def _take(self, apps: list[App]) -> None:
        self._by_key = {app.key: app for app in apps}
        self._by_id = {app.id: app for app in apps}


def _from_environment(settings: Settings) -> App:
    pusher, relay = settings.pusher, settings.relay
    for variable, value in (("PUSHER_APP_ID", pusher.app_id), ("PUSHER_APP_KEY", pusher.key)):
        if not NAME.match(value):
            raise SettingsError(f"{variable}: {NAME_RULE}")
    for origin in pusher.allowed_origins:
        if not ORIGIN.match(origin):
            raise SettingsError(f"SOKETI_DEFAULT_APP_ALLOWED_ORIGINS: {origin}: {ORIGIN_RULE}")
    return App(
        id=pusher.app_id,
        key=pusher.key,
        secret=pusher.secret,
        previous_secrets=pusher.previous_secrets,
        enabled=pusher.enabled,
        allowed_origins=pusher.allowed_origins,
        client_events=pusher.client_events,
        subscription_count=pusher.subscription_count,
        max_connections=relay.max_connections,
        max_backend_events_per_second=relay.max_backend_events_per_second,
        max_client_events_per_second=relay.max_client_events_per_second,
        max_read_requests_per_second=relay.max_read_requests_per_second,
        max_presence_members=relay.max_presence_members,
        max_payload=relay.max_payload,
        webhooks=_webhooks(pusher.webhooks),
        own=True,
    )


def _webhooks(text: str) -> tuple[Webhook, ...]:
    place = "SOKETI_DEFAULT_APP_WEBHOOKS"
    try:
        content = orjson.loads(text or "[]")
    except orjson.JSONDecodeError as error:
        raise SettingsError(f"{place}: not JSON: {error}") from error
    if not isinstance(content, list):
        raise SettingsError(f"{place}: must be a list of webhooks")
    return tuple(load(WebhookSchema(many=True), content, place))


def _distinct(apps: list[App], settings: Settings, place: str) -> list[App]:
    """The apps, refused where two share an id or a key, or production would run on a secret that everybody knows."""
    ids: set[str] = set()
    keys: set[str] = set()
    for app in apps:
        if app.id in ids:
            raise SettingsError(f"{place}: app {app.id}: there is another app with this id")
        if app.key in keys:
            raise SettingsError(f"{place}: app {app.id}: there is another app with the key {app.key}")
        if settings.environment == "production" and not PLACEHOLDER_SECRETS.isdisjoint(app.secrets):
            raise SettingsError(f"{place}: app {app.id}: secret is a placeholder: set it to a random value")
        ids.add(app.id)
        keys.add(app.key)
    return apps
