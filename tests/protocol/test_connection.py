"""Protocol, section "Connection": greeting, refusals, liveness, bad input."""

import json
import re
from collections.abc import Iterator

import pytest
import websocket

from tests.protocol.relays import KEY, Relays
from tests.servers import wait_until


def test_the_first_frame(relays: Relays) -> None:
    message = relays.socket().read()
    assert message["event"] == "pusher:connection_established"
    data = json.loads(message["data"])
    assert re.fullmatch(r"\d+\.\d+", data["socket_id"])
    assert data["activity_timeout"] == 30


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/app/unknown?protocol=7", 4001),
        (f"/app/{KEY}", 4008),
        (f"/app/{KEY}?protocol=", 4008),
        (f"/app/{KEY}?protocol=seven", 4006),
        (f"/app/{KEY}?protocol=99", 4007),
        (f"/app/{KEY}?protocol=4", 4007),
        ("/", 4005),
        ("/app", 4005),
        ("/somewhere/else", 4005),
    ],
)
def test_refusals_are_close_frames(relays: Relays, path: str, code: int) -> None:
    socket = relays.socket(path=path)
    opcode, data = socket.ws.recv_data(control_frame=True)
    assert opcode == websocket.ABNF.OPCODE_CLOSE  # and no pusher:error before it
    assert int.from_bytes(data[:2]) == code


def test_pusher_js_gives_up_on_an_unknown_app(relays: Relays) -> None:
    driver = relays.drive(key="unknown")
    driver.wait(lambda line: line["kind"] == "error" and line["code"] == 4001, what="4001")
    driver.wait(lambda line: line["kind"] == "state" and line["state"] == "disconnected", what="giving up")


def test_pings_of_both_kinds_are_answered(relays: Relays) -> None:
    socket = relays.socket().greet()
    socket.send("pusher:ping", {})
    assert socket.read() == {"event": "pusher:pong", "data": "{}"}
    socket.ws.ping("are you there")
    assert socket.ws.recv_data(control_frame=True) == (websocket.ABNF.OPCODE_PONG, b"are you there")


def test_no_extension_is_agreed_on(relays: Relays) -> None:
    ws = websocket.create_connection(
        f"ws://127.0.0.1:{relays.ports[0]}/app/{KEY}?protocol=7",
        header=["Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"],
        timeout=10,
    )
    assert "sec-websocket-extensions" not in {name.lower() for name in ws.headers}
    ws.shutdown()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no json",
        "[]",
        "7",
        '{"data":{}}',
        '{"event":7}',
        '{"event":"pusher:subscribe"}',
        '{"event":"pusher:subscribe","data":7}',
        '{"event":"pusher:subscribe","data":{"channel":7}}',
        '{"event":"pusher:subscribe","data":"no json"}',
        '{"event":"pusher:unsubscribe","data":{}}',
        '{"event":"pusher:signin","data":{}}',
        '{"event":"pusher:nonsense","data":{}}',
        '{"event":"client-x","data":{}}',
        '{"event":"client-x","channel":"private-not-joined","data":{}}',
        '{"event":"' + "x" * 300 + '"}',
        "[" * 60_000,
        '{"event":"pusher:ping","data":' + "[" * 20_000 + "]" * 20_000 + "}",
    ],
)
def test_bad_messages_get_an_error_and_the_connection_stays(relays: Relays, text: str) -> None:
    socket = relays.socket().greet()
    socket.ws.send(text)
    message = socket.read()
    assert message["event"] == "pusher:error"
    assert json.loads(message["data"])["message"]
    socket.send("pusher:ping", {})
    assert socket.read()["event"] == "pusher:pong"


def test_binary_frames_end_the_connection(relays: Relays) -> None:
    socket = relays.socket().greet()
    socket.ws.send_binary(b"binary")
    assert socket.read_close()[0] == 1003


def test_invalid_utf8_ends_the_connection(relays: Relays) -> None:
    socket = relays.socket().greet()
    socket.ws.send_frame(websocket.ABNF.create_frame(b"\xff\xfe", websocket.ABNF.OPCODE_TEXT))
    assert socket.read_close()[0] == 1007


def test_an_oversized_message_ends_the_connection(relays: Relays) -> None:
    socket = relays.socket().greet()
    socket.ws.send("x" * 70_000)
    assert socket.read_close()[0] == 1009


def test_fragments_without_end_are_bounded(relays: Relays) -> None:
    socket = relays.socket().greet()
    socket.ws.send_frame(websocket.ABNF(0, 0, 0, 0, websocket.ABNF.OPCODE_TEXT, 1, b"x" * 1000))
    for _ in range(100):
        socket.ws.send_frame(websocket.ABNF(0, 0, 0, 0, websocket.ABNF.OPCODE_CONT, 1, b"x" * 1000))
    assert socket.read_close()[0] == 1009


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relays]:
    relays = Relays(
        tmp_path_factory.mktemp("impatient"), 2, RELAY_ACTIVITY_TIMEOUT="1", RELAY_PONG_TIMEOUT="1",
        SOKETI_DEFAULT_APP_MAX_CONNECTIONS="3",
    )  # fmt: skip
    try:
        relays.start()
        yield relays
    finally:
        relays.stop()


def test_silence_is_asked_about_and_then_ended(impatient: Relays) -> None:
    socket = impatient.socket().greet()
    assert socket.read() == {"event": "pusher:ping", "data": "{}"}
    assert socket.read_close()[0] == 4201
    impatient.close_clients()


def test_whoever_answers_stays(impatient: Relays) -> None:
    driver = impatient.drive()
    driver.wait(lambda line: line["kind"] == "connected")
    socket = impatient.socket().greet()
    for _ in range(3):
        assert socket.read()["event"] == "pusher:ping"
        socket.send("pusher:pong", {})
    assert [line["state"] for line in driver.seen("state")][-1] == "connected"
    impatient.close_clients()


def admitted(relays: Relays) -> bool:
    message = relays.socket(1).ws.recv()
    return isinstance(message, str) and "connection_established" in message


def test_the_quota_counts_over_all_nodes_and_frees_itself(impatient: Relays) -> None:
    sockets = [impatient.socket(number).greet() for number in (0, 1, 0)]
    for number in (0, 1):
        assert impatient.socket(number).read_close()[0] == 4004
    sockets[0].close()
    wait_until(lambda: admitted(impatient), what="a freed place")
    impatient.close_clients()


def test_the_quota_of_a_dead_node_frees_itself(impatient: Relays) -> None:
    for _ in range(3):
        impatient.socket(0).greet()
    assert impatient.socket(1).read_close()[0] == 4004
    impatient.servers[0].kill()
    try:
        wait_until(lambda: admitted(impatient), what="the places of a dead node")
    finally:
        impatient.servers[0].start()
        impatient.wait_ready()
    impatient.close_clients()
