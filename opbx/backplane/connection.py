"""Connections to Redis, with the timeouts that keep a hung server from holding up a request.

    redis://[user:password@]host[:port][/database][?option=value…]
    rediss://…                                              the same over TLS; ?ssl_ca_certs=/path for an authority
    redis+sentinel://[user:password@]host[:port],host…/master name[/database][?…]
    redis+cluster://[user:password@]host[:port],host…[?…]

`rediss+sentinel` and `rediss+cluster` speak TLS to the servers. Options are those of redis-py's connections.
"""

from dataclasses import dataclass
from typing import Any, Self, cast
from urllib.parse import unquote, urlsplit

from redis import Redis
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool

from opbx.backplane.cluster import SLOTS, Cluster, as_cluster, masters_of

_SENTINEL_PORT = 26379
_SERVER_PORT = 6379


def connect(url: str, *, timeout: float = 0.5) -> Redis:
    """A client for `url` that waits at most `timeout` seconds for a connection and for each answer.

    One reconnect is tried, for the connection that idled until the server closed it; whoever wants more
    patience has it above this layer, where it is known what waits. Nothing connects before it is used.
    """
    options: dict[str, Any] = {
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "health_check_interval": 30,
        "protocol": 2,
    }
    if is_sentinel(url):
        return _through_sentinels(url, options | _given(url))
    if is_cluster(url):
        return cast(Redis, Cluster(hosts(url), **(options | _given(url))))
    return Redis.from_url(url, retry=Retry(NoBackoff(), 1), **options)


def is_cluster(url: str) -> bool:
    return url.partition("://")[0].endswith("+cluster")


def is_sentinel(url: str) -> bool:
    return url.partition("://")[0].endswith("+sentinel")


@dataclass(frozen=True, kw_only=True)
class Sentinels:
    """What a `redis+sentinel` URL says: who is asked for the `master` of that name, and how to log in there."""

    hosts: list[tuple[str, int]]
    master: str
    database: int
    user: str
    password: str

    @classmethod
    def read(cls, url: str) -> Self:
        master, _, database = urlsplit(url).path.strip("/").partition("/")
        user, password = _login(url)
        return cls(
            hosts=hosts(url, _SENTINEL_PORT), master=master, database=int(database or 0), user=user, password=password
        )


def _through_sentinels(url: str, options: dict[str, Any]) -> Redis:
    """A client of whichever server the sentinels call the master when a connection is made."""
    named = Sentinels.read(url)
    patience = options["socket_connect_timeout"]
    sentinels = Sentinel(named.hosts, sentinel_kwargs={"socket_timeout": patience, "socket_connect_timeout": patience})
    return cast(Redis, sentinels.master_for(named.master, db=named.database, retry=Retry(NoBackoff(), 1), **options))


def hosts(url: str, port: int = _SERVER_PORT) -> list[tuple[str, int]]:
    """The servers that a URL names; `port` is of those that name none."""
    netloc = urlsplit(url).netloc.rpartition("@")[2]
    parts = [urlsplit(f"//{host}") for host in netloc.split(",")]
    return [(part.hostname or "127.0.0.1", part.port or port) for part in parts]


def _given(url: str) -> dict[str, Any]:
    """What the URL says of the connections to the servers."""
    user, password = _login(url)
    given: dict[str, Any] = dict(parse_url(f"redis://host/?{urlsplit(url).query}"))
    del given["host"]
    given |= {name: value for name, value in (("username", user), ("password", password)) if value}
    return given | ({"ssl": True} if url.startswith("rediss") else {})


def _login(url: str) -> tuple[str, str]:
    user, _, password = urlsplit(url).netloc.rpartition("@")[0].partition(":")
    return unquote(user), unquote(password)


def reserve(redis: Redis) -> Any:
    """A connection for one caller alone, which connects when it is used; None where `redis` is a cluster of many."""
    return None if as_cluster(redis) is not None else redis.connection_pool.make_connection()


def open_connection(redis: Redis) -> Any:
    """A connection for one listener alone, connected; of a cluster to any of its servers.

    It waits for what comes without limit: silence is nothing unusual there.
    """
    cluster = as_cluster(redis)
    server = redis if cluster is None else cluster.any_server()
    connection: Any = server.connection_pool.make_connection()
    connection.socket_timeout = None
    connection.health_check_interval = 0
    connection.connect()
    return connection


def identity(redis: Redis, connection: Any) -> str:
    """The name of the server at the other end, or of the masters of its cluster.

    Another one after each start of a server and after a fail-over: then Redis may know less than was heard of it.
    """
    if as_cluster(redis) is not None:
        connection.send_command(*SLOTS)
        return masters_of(connection.read_response())
    connection.send_command("INFO", "server")
    return run_id_of(connection.read_response())


def outdated(redis: Redis, connection: Any, known: str) -> bool:
    """Whether others are the masters now than when `connection` was `known` by that identity.

    Asks sentinels or the cluster: a master that was cut off, and replaced, does not say so itself.
    """
    cluster = as_cluster(redis)
    if cluster is not None:
        return cluster.masters() != known
    pool: Any = redis.connection_pool
    if isinstance(pool, SentinelConnectionPool):
        return bool(pool.get_master_address() != (connection.host, connection.port))
    return False


def run_id_of(info: bytes) -> str:
    """The name of a server, by its answer to INFO."""
    _, _, rest = info.decode().partition("run_id:")
    return rest.split("\r\n", 1)[0]
