"""Connections to Redis, with the timeouts that keep a hung server from holding up a request."""

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry


def connect(url: str, *, timeout: float = 0.5, patient: bool = False) -> Redis:
    """A client for `url` that waits at most `timeout` seconds for a connection and for each answer.

    A `patient` one waits for answers without limit: for listening, where silence is nothing unusual.

    One reconnect is tried, for the connection that idled until the server closed it; whoever wants more
    patience has it above this layer, where it is known what waits.
    """
    return Redis.from_url(
        url,
        socket_timeout=None if patient else timeout,
        socket_connect_timeout=timeout,
        retry=Retry(NoBackoff(), 1),
        health_check_interval=0 if patient else 30,
        protocol=2,
    )


def run_id_of(info: bytes) -> str:
    """The name of a server, by its answer to INFO; another one after each of its starts and after a failover."""
    _, _, rest = info.decode().partition("run_id:")
    return rest.split("\r\n", 1)[0]
