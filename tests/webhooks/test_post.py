"""One request, against a real server: what counts as accepted, and that nothing takes longer than it may."""

import time

import pytest

from opbx.webhooks.post import NotAccepted, post
from tests.servers import free_port
from tests.webhooks.receiver import Receiver

HEADERS = {"Content-Type": "application/json", "X-Pusher-Key": "key"}


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_accepted(receiver: Receiver, status: int) -> None:
    receiver.status = status
    post(receiver.url, b'{"events":[]}', HEADERS)
    (request,) = receiver.requests
    assert request.path == "/hooks"
    assert request.body == b'{"events":[]}'
    assert HEADERS.items() <= request.headers.items()


@pytest.mark.parametrize("status", [301, 302, 307, 308, 304, 400, 401, 404, 410, 429, 500, 503])
def test_not_accepted(receiver: Receiver, status: int) -> None:
    receiver.status = status
    with pytest.raises(NotAccepted, match=str(status)):
        post(receiver.url, b"{}", HEADERS)
    assert len(receiver.requests) == 1  # no redirect was followed


def test_nobody_there() -> None:
    with pytest.raises(NotAccepted, match="ConnectionError"):
        post(f"http://127.0.0.1:{free_port()}/", b"{}", HEADERS)


@pytest.mark.parametrize("mischief", ["hang", "drip"])
def test_a_server_that_does_not_come_to_an_end(receiver: Receiver, mischief: str) -> None:
    setattr(receiver, mischief, True)
    begun = time.monotonic()
    with pytest.raises(NotAccepted):
        post(receiver.url, b"{}", HEADERS, total=0.3)
    assert 0.25 < time.monotonic() - begun < 5


def test_an_answer_is_not_read(receiver: Receiver) -> None:
    receiver.length = 10**9
    post(receiver.url, b"{}", HEADERS)


def test_a_certificate_that_nobody_vouches_for(secure_receiver: Receiver) -> None:
    with pytest.raises(NotAccepted, match="SSL"):
        post(secure_receiver.url, b"{}", HEADERS)
    assert not secure_receiver.requests


def test_tls(secure_receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(secure_receiver.certificate))
    post(secure_receiver.url, b"{}", HEADERS)
    assert len(secure_receiver.requests) == 1
    secure_receiver.drip = True
    with pytest.raises(NotAccepted):
        post(secure_receiver.url, b"{}", HEADERS, total=0.3)


def test_by_a_proxy(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", receiver.url.removesuffix("/hooks"))
    monkeypatch.setenv("NO_PROXY", "")
    post("http://receiver.invalid/elsewhere", b"{}", HEADERS)
    assert receiver.requests[0].path == "http://receiver.invalid/elsewhere"
