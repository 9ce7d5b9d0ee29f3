"""The local run: what it fills in, and what it refuses before anything starts."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from opbx.operations.local import run as local
from opbx.operations.local.processes import Processes
from opbx.settings import Settings
from tests.servers import free_port


@pytest.fixture
def environment() -> dict[str, str]:
    """With ports that are free."""
    ports: set[int] = set()
    while len(ports) < len(local.PORTS):
        ports.add(free_port())
    given = {name: str(port) for name, port in zip(local.PORTS, ports, strict=True)}
    return given | {"BIND_HOST": "127.0.0.1"}


def test_an_embedded_redis_is_used_where_none_is_given(environment: dict[str, str]) -> None:
    assert local.complete(environment, {}) is True
    assert environment["REDIS_URL"] == f"redis://127.0.0.1:{environment['REDIS_PORT']}/0"
    assert os.access(environment["REDIS_SERVER"], os.X_OK)
    assert environment["PUSHER_PORT"] == environment["SOKETI_PORT"]


def test_a_given_redis_is_kept_and_container_names_are_not(environment: dict[str, str]) -> None:
    environment |= {"REDIS_URL": "redis://elsewhere/1", "PUSHER_HOST": "soketi", "RELAY_DRAIN": "7"}
    assert local.complete(environment, {}) is False
    assert environment["REDIS_URL"] == "redis://elsewhere/1"
    assert environment["PUSHER_HOST"] == "127.0.0.1"
    assert environment["RELAY_DRAIN"] == "7"


@pytest.mark.parametrize(("given", "port"), [({}, "16001"), ({"VITE_WS_PORT": "443"}, "443")])
def test_browsers_are_sent_to_the_relay_s_port_unless_the_environment_says_otherwise(
    environment: dict[str, str], given: dict[str, str], port: str
) -> None:
    environment |= {"SOKETI_PORT": "16001", "VITE_WS_PORT": "6001"} | given  # 6001 is of an .env made for containers
    local.complete(environment, given)
    assert environment["VITE_WS_PORT"] == port


def test_a_local_run_is_for_this_machine_unless_it_is_told_otherwise(environment: dict[str, str]) -> None:
    del environment["BIND_HOST"]
    local.complete(environment, {})
    assert environment["BIND_HOST"] == "127.0.0.1"
    environment["BIND_HOST"] = "0.0.0.0"
    local.complete(environment, {})
    assert environment["BIND_HOST"] == "0.0.0.0"


def test_free_ports_are_no_obstacle(environment: dict[str, str]) -> None:
    local.check_ports(environment, own_redis=True)
    local.check_ports(environment, own_redis=True)  # and were given back


def test_a_port_in_use_is_named_in_one_line(environment: dict[str, str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        environment["WEB_PORT"] = str(other.getsockname()[1])
        with pytest.raises(local.CannotRunError, match=rf"^port {environment['WEB_PORT']} \(WEB_PORT\) .*$"):
            local.check_ports(environment, own_redis=True)
        environment["REDIS_PORT"], environment["WEB_PORT"] = environment["WEB_PORT"], str(free_port())
        local.check_ports(environment, own_redis=False)  # that port is not ours then


@pytest.mark.parametrize("port", ["70000", "-1", "web"])
def test_a_port_that_is_none_is_refused(environment: dict[str, str], port: str) -> None:
    with pytest.raises(local.CannotRunError, match="WEB_PORT"):
        local.check_ports(environment | {"WEB_PORT": port}, own_redis=False)


def test_one_port_for_two_is_refused(environment: dict[str, str]) -> None:
    with pytest.raises(local.CannotRunError, match="FLOWER_PORT"):
        local.check_ports(environment | {"FLOWER_PORT": environment["WEB_PORT"]}, own_redis=False)


def test_the_procfile_s_processes_are_run_as_wanted() -> None:
    everything = local.commands(Settings(), own_redis=True)
    assert everything.keys() == {"redis", "web", "relay", "worker", "beat", "flower", "simulator"}
    assert everything.keys() - local.commands(Settings(simulate=False), own_redis=False).keys() == {
        "redis",
        "simulator",
    }


def test_a_server_runs_as_long_as_the_block(environment: dict[str, str], tmp_path: Path) -> None:
    port = int(environment["REDIS_PORT"])
    local.complete(environment, {})
    command = f"exec {environment['REDIS_SERVER']} --port {port} --bind 127.0.0.1 --save '' --dir {tmp_path} >/dev/null"
    with local.running(command, port), socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"PING\r\n")
        assert connection.recv(16) == b"+PONG\r\n"
    with socket.socket() as attempt:
        assert attempt.connect_ex(("127.0.0.1", port)) != 0


def test_a_server_that_does_not_start_is_told() -> None:
    with pytest.raises(local.CannotRunError, match="does not start"), local.running("exit 3", free_port()):
        pass


@pytest.fixture
def processes() -> Iterator[Processes]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield Processes(lambda: None)
    for number, handler in before.items():
        signal.signal(number, handler)


def test_stopping_before_all_have_started_stops_all(processes: Processes) -> None:
    processes.add_process("one", "exec sleep 60")
    processes.add_process("two", "exec sleep 60")
    processes.terminate()
    processes.loop()
    assert processes.returncode == -signal.SIGTERM
    assert processes.culprit is None


def test_the_end_of_one_ends_all_and_is_named(processes: Processes) -> None:
    processes.add_process("web", "exec sleep 60")
    processes.add_process("relay", "exit 3")
    processes.loop()
    assert (processes.culprit, processes.returncode) == ("relay", 3)


def test_the_product_goes_on_without_what_only_looks_at_it(processes: Processes, tmp_path: Path) -> None:
    seen = tmp_path / "flower-is-gone"
    processes.add_process("flower", f"touch {seen}; exit 1")
    processes.add_process("web", f"while [ ! -e {seen} ]; do sleep 0.05; done; sleep 0.5; exit 4")
    processes.loop()
    assert processes.culprit == "web"


def test_the_simulator_ends_before_those_it_talks_to(processes: Processes, tmp_path: Path) -> None:
    farewell, order = tmp_path / "farewell", tmp_path / "order"
    wait = "while :; do sleep 0.05; done"
    processes.add_process("simulator", f"trap 'sleep 0.3; touch {farewell}; exit 0' TERM; {wait}")
    processes.add_process("web", f"trap 'test -e {farewell} && touch {order}; exit 0' TERM; {wait}")
    processes.add_process("relay", "sleep 0.5; exit 3")
    processes.loop()
    assert order.exists()
