"""The scripts are tested against a real redis-server: its Lua is the one that counts. And against a Redis Cluster."""

from collections.abc import Iterator

import pytest
from redis import Redis

from opbx.backplane.connection import connect
from tests.redis_groups import Cluster
from tests.servers import RedisServer


@pytest.fixture(scope="package", params=["single", "cluster"])
def redis_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("redis")
    server = RedisServer(folder) if request.param == "single" else Cluster(folder)
    try:
        server.start()
        yield server.url
    finally:
        server.stop()


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    client = connect(redis_url, timeout=2.0)
    client.flushall()
    yield client
    client.close()
