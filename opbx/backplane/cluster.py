"""Redis Cluster: a client that connects when it is first used, and which servers there are.

What is told by PUBLISH reaches every server of a cluster, so a listener may be connected to any of them.
"""

import random
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, Self

from redis import Redis
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisClusterException, RedisError
from redis.retry import Retry

#: Ask for the servers and what each holds: [first slot, last slot, [host, port, id], replicas…] of each range.
SLOTS: Final = ("CLUSTER", "SLOTS")


class Cluster:
    """Has the commands of `Redis`. Raises `redis.ConnectionError` where no server can say which others there are."""

    def __init__(self, hosts: Sequence[tuple[str, int]], **options: Any) -> None:
        self._hosts = hosts
        self._options = options
        self._client: RedisCluster | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._client is not None:
            self._client.close()

    @property
    def client(self) -> RedisCluster:
        if self._client is None:
            try:
                self._client = RedisCluster(
                    startup_nodes=[ClusterNode(host, port) for host, port in self._hosts],
                    require_full_coverage=False,  # what is left of a cluster serves its channels
                    retry=Retry(NoBackoff(), 1),
                    **self._options,
                )
            except RedisClusterException as error:
                raise RedisConnectionError(str(error)) from error
        return self._client

    def server(self, key: str) -> Redis:
        """The client of the server that holds `key`."""
        try:
            node = self.client.get_node_from_key(key)
        except RedisClusterException as error:
            raise RedisConnectionError(str(error)) from error
        if node is None:
            raise RedisConnectionError("no server holds the key's slot")
        return self.client.get_redis_connection(node)

    def any_server(self) -> Redis:
        return self.client.get_redis_connection(random.choice(self.client.get_nodes()))  # noqa: S311 - spreads load

    def look_again(self) -> None:
        """Ask which servers there are: one has failed, or says that others hold what it was asked for."""
        try:
            self.client.nodes_manager.initialize()
        except RedisClusterException as error:
            raise RedisConnectionError(str(error)) from error

    def masters(self) -> str:
        """Names the servers that hold the slots now; another name after each fail-over."""
        nodes = self.client.get_nodes()
        for node in random.sample(nodes, len(nodes)):
            with suppress(RedisError):
                return masters_of(self.client.get_redis_connection(node).execute_command(*SLOTS))
        raise RedisConnectionError("no server of the cluster answers")


def as_cluster(redis: Redis) -> Cluster | None:
    """What `connect` gave as a client, where that is of a cluster."""
    client: Any = redis
    return client if isinstance(client, Cluster) else None


def masters_of(slots: list[Any]) -> str:
    """The same from the answer to `SLOTS`."""
    return " ".join(sorted({f"{first}:{master[2].decode()}" for first, _, master, *_ in slots}))
