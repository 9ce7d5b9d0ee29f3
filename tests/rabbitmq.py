"""RabbitMQ as a real server of a test's own; tests are skipped where it is not installed."""

import socket
from contextlib import suppress
from pathlib import Path

from tests.servers import Server, free_port, wait_until

_PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


class RabbitServer(Server):
    """RabbitMQ with a node name, ports and files of its own.

    Erlang's port mapper too: the one that a node starts by itself outlives it, and is everybody's.
    """

    def __init__(self, folder: Path) -> None:
        self.port, self._mapper_port = free_port(), free_port()
        env = {
            "RABBITMQ_NODENAME": f"opbx{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._mapper_port),
            "HOME": str(folder),
        }
        self._mapper = Server("epmd", folder, "epmd", env=env)
        super().__init__("rabbitmq", folder, str(_PROGRAM), env=env)

    @staticmethod
    def installed() -> bool:
        return _PROGRAM.exists()

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def start(self) -> None:
        if not self._mapper.running:
            self._mapper.start()
            wait_until(self._is_mapped, what="the port mapper listening")
        super().start()
        wait_until(self._answers, timeout=60, what=f"RabbitMQ answering: {self.tail()}")

    def _is_mapped(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self._mapper_port), timeout=5):
            return True
        return False

    def _answers(self) -> bool:
        assert self.running, self.tail()
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5) as probe:
            probe.sendall(b"AMQP\0\0\x09\x01")
            return probe.recv(1) == b"\x01"
        return False

    def kill(self) -> None:
        super().kill()
        self._mapper.kill()
