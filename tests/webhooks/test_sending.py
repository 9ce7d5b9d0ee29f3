"""Sending a batch: signed as the real client library expects it, and what follows from each outcome."""

import json
import subprocess
import time
from collections.abc import Mapping
from threading import Barrier, Thread

import orjson
import pusher
import pytest
from redis import Redis

from opbx.apps import App, Apps, Webhook
from opbx.backplane.hooks import Turns
from opbx.settings import ROOT
from opbx.webhooks import sending
from opbx.webhooks.batches import Batch
from opbx.webhooks.post import NotAccepted
from opbx.webhooks.retry import Again, Backoff, GiveUp
from opbx.webhooks.sending import Sender, Sent
from tests.lines import node
from tests.servers import RedisServer, free_port
from tests.webhooks.receiver import Receiver

NOW = 1_700_000_000.0
EVENTS = [{"name": "channel_occupied", "channel": "ä"}]
LONGEST = Backoff(first_rest=8.0, jitter=lambda _low, high: high)


class FakePost:
    """Accepts, or not; what it was given."""

    def __init__(self) -> None:
        self.accepts = True
        self.posts: list[tuple[str, bytes, Mapping[str, str]]] = []

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        self.posts.append((url, body, headers))
        if not self.accepts:
            raise NotAccepted("status 500")


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def post() -> FakePost:
    return FakePost()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sender(redis: Redis, post: FakePost, clock: Clock) -> Sender:
    return Sender(redis, apps("u", "v"), backoff=LONGEST, post=post, clock=clock)


def apps(*urls: str, headers: tuple[tuple[str, str], ...] = ()) -> Apps:
    webhooks = tuple(Webhook(url=url, headers=headers) for url in urls)
    return Apps([App(id="app", key="key", secret="secret", webhooks=webhooks)])


def batch(number: int = 1, *, url: str = "u", app_id: str = "app", time_ms: int = int(NOW * 1000)) -> Batch:
    body = orjson.dumps({"time_ms": int(time.time() * 1000), "events": EVENTS})  # libraries refuse an old one
    return Batch(f"batch-{number}", app_id, url, time_ms, body.decode())


def test_the_real_library_believes_it(redis: Redis, receiver: Receiver) -> None:
    sender = Sender(redis, apps(receiver.url))
    assert sender.send(batch(url=receiver.url, time_ms=int(time.time() * 1000))) == Sent()
    (request,) = receiver.requests
    client = pusher.Pusher("1", "key", "secret")
    key, signature = request.headers["X-Pusher-Key"], request.headers["X-Pusher-Signature"]
    assert request.headers["Content-Type"] == "application/json"
    assert client.validate_webhook(key, signature, request.body.decode())["events"] == EVENTS
    assert client.validate_webhook(key, signature, request.body.decode() + " ") is None
    assert pusher.Pusher("1", "key", "other").validate_webhook(key, signature, request.body.decode()) is None


def test_the_library_of_npm_believes_it_too(redis: Redis, receiver: Receiver) -> None:
    sender = Sender(redis, apps(receiver.url))
    assert sender.send(batch(url=receiver.url, time_ms=int(time.time() * 1000))) == Sent()
    (request,) = receiver.requests
    given = {"headers": {k.lower(): v for k, v in request.headers.items()}, "rawBody": request.body.decode()}
    script = f"""
      const Pusher = require('pusher');
      const given = {json.dumps(given)};
      const read = (secret, body) => {{
        const webhook = new Pusher({{ appId: '1', key: 'key', secret }}).webhook({{ ...given, rawBody: body }});
        return webhook.isValid() && webhook.getEvents();
      }};
      const body = given.rawBody;
      console.log(JSON.stringify([read('secret', body), read('other', body), read('secret', body + ' ')]));
    """
    folder = ROOT / "tests/clients"
    done = subprocess.run([node(), "-e", script], cwd=folder, capture_output=True, text=True, timeout=30, check=True)
    assert json.loads(done.stdout) == [EVENTS, False, False]


def test_an_endpoint_that_fails_and_recovers(redis: Redis, receiver: Receiver) -> None:
    receiver.status = 500
    instant = Backoff(first_rest=0.001, longest_rest=0.001)
    sender = Sender(redis, apps(receiver.url), backoff=instant)
    mine = batch(url=receiver.url, time_ms=int(time.time() * 1000))
    assert isinstance(sender.send(mine), Again)
    receiver.status = 204
    while isinstance(sender.send(mine), Again):
        pass
    bodies = {(request.body, request.headers["X-Pusher-Signature"]) for request in receiver.requests}
    assert len(bodies) == 1  # the same at every try


def test_nobody_listens(redis: Redis, clock: Clock) -> None:
    url = f"http://127.0.0.1:{free_port()}/"
    assert Sender(redis, apps(url), backoff=LONGEST, clock=clock).send(batch(url=url)) == Again(8.5, tried=True)


def test_own_headers_do_not_replace_the_protocols(redis: Redis, post: FakePost) -> None:
    headers = (("X-Mine", "1"), ("x-pusher-KEY", "forged"), ("content-type", "text/plain"))
    Sender(redis, apps("u", headers=headers), post=post).send(batch())
    (_, _, given), *_ = post.posts
    assert given["X-Mine"] == "1"
    assert given["X-Pusher-Key"] == "key"
    assert sorted(given) == ["Content-Type", "X-Mine", "X-Pusher-Key", "X-Pusher-Signature"]


def test_after_success_the_endpoint_is_free(redis: Redis, sender: Sender) -> None:
    assert sender.send(batch(1)) == Sent()
    assert not Turns(redis, "app").taken(["u"])
    assert sender.send(batch(2)) == Sent()


def test_an_endpoint_that_failed_rests_for_all_batches(sender: Sender, post: FakePost) -> None:
    post.accepts = False
    assert sender.send(batch(1)) == Again(8.5, tried=True)
    second = sender.send(batch(2))
    assert isinstance(second, Again)
    assert 1 < second.after <= 8.5
    assert len(post.posts) == 1
    post.accepts = True
    assert sender.send(batch(3, url="v")) == Sent()  # another endpoint's business is its own


def test_rests_grow_until_the_endpoint_works(redis: Redis, sender: Sender, post: FakePost) -> None:
    post.accepts = False

    def try_again() -> object:
        """As soon as the endpoint has rested."""
        Turns(redis, "app").rest("u", 0.001)
        tried = len(post.posts)
        while len(post.posts) == tried:
            outcome = sender.send(batch())
        return outcome

    assert [try_again() for _ in range(4)] == [Again(after, tried=True) for after in (8.5, 16.5, 30.5, 30.5)]
    post.accepts = True
    assert try_again() == Sent()
    post.accepts = False
    assert sender.send(batch()) == Again(8.5, tried=True)


def test_five_minutes_at_most(sender: Sender, post: FakePost, clock: Clock, redis: Redis) -> None:
    post.accepts = False
    clock.now = NOW + 299
    assert sender.send(batch()) == GiveUp("not accepted within 300 s; the last time: status 500", tried=True)
    assert sender.send(batch()) == GiveUp("not accepted within 300 s")  # while it rests, too
    assert len(post.posts) == 1


def test_a_busy_endpoint_is_waited_for(redis: Redis, sender: Sender, post: FakePost) -> None:
    Turns(redis, "app").claim("u", "another", 20)
    outcome = sender.send(batch())
    assert isinstance(outcome, Again)
    assert 10 < outcome.after <= 20.5
    assert not post.posts


def test_what_is_gone_is_dropped(sender: Sender, post: FakePost) -> None:
    gone = GiveUp("the app has no such webhook any more")
    assert sender.send(batch(url="w")) == gone
    assert sender.send(batch(app_id="none")) == gone
    assert not post.posts


def test_redis_away(tmp_path_factory: pytest.TempPathFactory, post: FakePost, clock: Clock) -> None:
    server = RedisServer(tmp_path_factory.mktemp("away"))
    server.start()
    with server.client() as redis:
        sender = Sender(redis, apps("u"), backoff=LONGEST, post=post, clock=clock)

        def accept_and_lose_redis(url: str, body: bytes, headers: Mapping[str, str]) -> None:
            server.kill()

        sender._post = accept_and_lose_redis
        assert sender.send(batch()) == Sent()  # what was accepted is not sent again
        sender._post = post
        assert sender.send(batch(2)) == Again(30.5)
        assert not post.posts


def test_hanging_endpoints_leave_threads_for_others(redis: Redis, post: FakePost, clock: Clock) -> None:
    urls = [f"dead-{number}" for number in range(sending.AT_ONCE)]
    hanging, hang_up = Barrier(len(urls) + 1), Barrier(len(urls) + 1)

    def hang(url: str, body: bytes, headers: Mapping[str, str]) -> None:
        if url != "u":
            hanging.wait(30)
            hang_up.wait(30)
        post(url, body, headers)

    sender = Sender(redis, apps("u", *urls), backoff=LONGEST, post=hang, clock=clock)
    threads = [Thread(target=sender.send, args=(batch(n, url=url),)) for n, url in enumerate(urls)]
    for thread in threads:
        thread.start()
    hanging.wait(30)
    assert sender.send(batch(9)) == Again(1.0)  # back in the queue, where it takes no thread
    hang_up.wait(30)
    for thread in threads:
        thread.join()
    assert sender.send(batch(9)) == Sent()
