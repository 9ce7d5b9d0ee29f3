"""Redis servers that belong together: a master with replica and sentinels, a cluster, and one that speaks TLS."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.certificates import Certificates
from tests.servers import REDIS_SERVER, Server, free_port, wait_until

#: The system's own, which speaks TLS; the embedded one, which a virtual environment puts in front of it, does not.
WITH_TLS = shutil.which("redis-server", path="/usr/local/bin:/usr/bin")
#: Milliseconds without an answer until a server counts as lost.
LOST_AFTER = 1000


class _Redis(Server):
    """A redis-server with more options than `RedisServer` needs."""

    def __init__(self, name: str, folder: Path, *options: str, port: int | None = None) -> None:
        self.port = port or free_port()
        home = folder / name
        home.mkdir(exist_ok=True)
        super().__init__(
            name, folder, REDIS_SERVER, "--port", str(self.port), "--bind", "127.0.0.1",
            "--save", "", "--dir", str(home),
            "--repl-diskless-sync-delay", "0", *options,
        )  # fmt: skip

    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port, protocol=2)

    def ask(self, *command: str | int) -> Any:
        with self.client() as client:
            return client.execute_command(*command)

    def answers(self) -> bool:
        try:
            return bool(self.ask("PING"))
        except redis.ConnectionError:
            return False


class _Sentinel(Server):
    def __init__(self, name: str, folder: Path, configuration: Path, port: int) -> None:
        self.port = port
        super().__init__(name, folder, REDIS_SERVER, str(configuration), "--sentinel")


class Sentinels:
    """A master, a replica of it, and three sentinels that agree with two votes."""

    def __init__(self, folder: Path) -> None:
        self.master = _Redis("master", folder)
        self.replica = _Redis("replica", folder, "--replicaof", "127.0.0.1", str(self.master.port))
        self._folder = folder
        self.sentinels = [self._sentinel(number) for number in range(3)]

    def _sentinel(self, number: int) -> _Sentinel:
        port = free_port()
        path = self._folder / f"sentinel{number}.conf"
        path.write_text(
            f"port {port}\nbind 127.0.0.1\ndir {self._folder}\nsentinel monitor main 127.0.0.1 {self.master.port} 2\n"
            f"sentinel down-after-milliseconds main {LOST_AFTER}\nsentinel failover-timeout main 5000\n"
        )
        return _Sentinel(f"sentinel{number}", self._folder, path, port)

    @property
    def url(self) -> str:
        return "redis+sentinel://" + ",".join(f"127.0.0.1:{s.port}" for s in self.sentinels) + "/main/0"

    @property
    def servers(self) -> list[Server]:
        return [*self.sentinels, self.replica, self.master]

    def start(self) -> None:
        for server in (self.master, self.replica):
            server.start()
        wait_until(lambda: self.master.answers() and self.replica.answers(), what="master and replica")
        wait_until(self._copied, what="the replica's first copy")
        for sentinel in self.sentinels:
            sentinel.start()
        wait_until(lambda: all(self._knows(s) for s in self.sentinels), what="sentinels that know each other")

    def _copied(self) -> bool:
        with self.replica.client() as client:
            return bool(client.info("replication")["master_link_status"] == "up")

    def _knows(self, sentinel: _Sentinel) -> bool:
        with redis.Redis(port=sentinel.port, decode_responses=True) as client:
            try:
                state = client.sentinel_master("main")
            except redis.RedisError:
                return False
        return bool(state["num-other-sentinels"] == 2 and state["num-slaves"] == 1)

    def stop(self) -> None:
        for server in self.servers:
            server.kill()


class Cluster:
    """Three masters, each with a replica where `replicas` are asked for."""

    def __init__(self, folder: Path, *, replicas: bool = False) -> None:
        options = ("--cluster-enabled", "yes", "--cluster-node-timeout", str(LOST_AFTER), "--appendonly", "no")
        self.servers = [
            _Redis(f"cluster{number}", folder, *options, port=_port_with_bus())
            for number in range(6 if replicas else 3)
        ]
        self.masters, self.replicas = self.servers[:3], self.servers[3:]

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"127.0.0.1:{server.port}" for server in self.servers)

    def start(self) -> None:
        for server in self.servers:
            server.start()
        wait_until(lambda: all(server.answers() for server in self.servers), what="servers of the cluster")
        bounds = [0, 5461, 10923, 16384]
        for number, master in enumerate(self.masters):
            master.ask("CLUSTER", "ADDSLOTS", *range(bounds[number], bounds[number + 1]))
        for server in self.servers[1:]:
            server.ask("CLUSTER", "MEET", "127.0.0.1", self.servers[0].port)
        wait_until(lambda: all(self._sees_all(server) for server in self.servers), what="servers that know each other")
        for master, replica in zip(self.masters, self.replicas, strict=False):
            replica.ask("CLUSTER", "REPLICATE", master.ask("CLUSTER", "MYID").decode())
        wait_until(self._whole, what="a whole cluster")

    def _sees_all(self, server: _Redis) -> bool:
        return bytes(server.ask("CLUSTER", "NODES")).count(b"\n") == len(self.servers)

    def _whole(self) -> bool:
        """All servers serve, and every master has its replica where there are any."""
        expected = 3 + len(self.replicas) // 3
        return all(
            b"cluster_state:ok" in server.ask("CLUSTER", "INFO")
            and [len(found) for found in server.ask("CLUSTER", "SLOTS")] == [expected] * 3
            for server in self.servers
        )

    def holder(self, key: str) -> _Redis:
        """The master that holds `key`."""
        slot = self.servers[0].ask("CLUSTER", "KEYSLOT", key)
        return next(m for n, m in enumerate(self.masters) if slot < [5461, 10923, 16384][n])

    def stop(self) -> None:
        for server in self.servers:
            server.kill()


def _port_with_bus() -> int:
    """The servers of a cluster talk to each other 10,000 above their port."""
    while (port := free_port()) > 55_000:
        pass
    return port


@contextmanager
def tls_server(folder: Path, certificates: Certificates) -> Iterator[str]:
    """The URL of a server that speaks TLS alone."""
    if WITH_TLS is None:
        pytest.skip("the system's redis-server is not installed")
    port = free_port()
    server = Server(
        "tls", folder, WITH_TLS, "--port", "0", "--tls-port", str(port), "--bind", "127.0.0.1", "--save", "",
        "--tls-cert-file", str(certificates.certificate), "--tls-key-file", str(certificates.key),
        "--tls-ca-cert-file", str(certificates.authority), "--tls-auth-clients", "no", "--dir", str(folder),
    )  # fmt: skip
    server.start()
    try:
        yield f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={certificates.authority}"
    finally:
        server.kill()
