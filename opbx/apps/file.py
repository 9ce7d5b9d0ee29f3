"""Reading apps from a JSON file, with messages that say where the mistake is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from marshmallow import Schema, ValidationError

from opbx.apps.app import App
from opbx.apps.schemas import AppSchema
from opbx.settings import SettingsError


class AppsFile:
    """`PUSHER_APPS_FILE`: a JSON list of apps, or an object whose `apps` is one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp: tuple[int, ...] = ()

    def changed(self) -> bool:
        """Whether the file is another one than was last read; a file that cannot be used is read once only."""
        return self._stamp != self._stat()

    def read(self) -> list[App]:
        self._stamp = self._stat()
        try:
            content = orjson.loads(self.path.read_bytes())
        except OSError as error:
            raise SettingsError(f"PUSHER_APPS_FILE {self.path}: cannot be read: {error.strerror}") from error
        except orjson.JSONDecodeError as error:
            raise SettingsError(f"PUSHER_APPS_FILE {self.path}: not JSON: {error}") from error
        if isinstance(content, dict) and content.keys() == {"apps"}:
            content = content["apps"]
        if not isinstance(content, list):
            raise SettingsError(f'PUSHER_APPS_FILE {self.path}: must be a list of apps, or {{"apps": [...]}}')
        return [self._app(number, app) for number, app in enumerate(content, start=1)]

    def _app(self, number: int, app: Any) -> App:
        name = next((app[key] for key in ("id", "app_id", "appId") if key in app), "") if isinstance(app, dict) else ""
        place = f"PUSHER_APPS_FILE {self.path}: app {number}" + (f" ({name})" if name else "")
        loaded: App = load(AppSchema(), app, place)
        return loaded

    def _stat(self) -> tuple[int, ...]:
        try:
            found = self.path.stat()
        except OSError:
            return (0,)
        return (found.st_mtime_ns, found.st_size, found.st_ino)


def load(schema: Schema, content: Any, place: str) -> Any:
    """What `schema` makes of `content`. Raises `SettingsError` with `place` and the fields at fault."""
    try:
        return schema.load(content)
    except ValidationError as error:
        raise SettingsError(f"{place}: {'; '.join(_flatten(error.messages, ''))}") from error


def _flatten(messages: Any, path: str) -> Iterator[str]:
    """`webhooks.0.url: Not a valid URL.` and so on, from marshmallow's tree of messages."""
    if isinstance(messages, dict):
        for name, below in messages.items():
            yield from _flatten(below, path if name == "_schema" else f"{path}.{name}".strip("."))
    else:
        yield f"{path}: {' '.join(messages)}" if path else " ".join(messages)
