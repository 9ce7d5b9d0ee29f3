"""What the monitoring files are checked against."""

from collections.abc import Iterator

import pytest
from redis import Redis

from opbx.apps import Apps
from opbx.database import open_engine
from opbx.queue import create_queue
from opbx.settings import Settings
from tests.monitoring.exported import names


class WithMemory:
    """A fake Redis that also says how much memory it uses."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def info(self, _section: str) -> dict[str, int]:
        return {"used_memory": 1, "maxmemory": 0}

    def __getattr__(self, name: str) -> object:
        return getattr(self._redis, name)


@pytest.fixture
def exported(settings: Settings, redis: Redis) -> Iterator[set[str]]:
    engine = open_engine(settings.database_url)
    client: Redis = WithMemory(redis)  # type: ignore[assignment]
    yield names(engine, create_queue(settings), client, Apps.from_settings(settings))
    engine.dispose()
