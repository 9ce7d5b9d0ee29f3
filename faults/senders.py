"""Telephony senders: post each webhook when it is due, and again until it is accepted, as senders do."""

import hashlib
import heapq
import hmac
import http.client
import json
import queue
import threading
import time
from collections.abc import Sequence

from faults.calls import Answer, Webhook

#: Seconds without an answer after which a sender gives an attempt up.
PATIENCE = 10.0

#: Seconds to the next attempt: 0.25, doubled each time, this at most. `Retry-After` says 30: these are impatient.
LONGEST_PAUSE = 1.0

#: Every third sender signs its requests, the others show their key.
_SIGNS = 3


class Senders:
    """`offset` is what the senders' clocks are wrong by, in seconds."""

    def __init__(self, port: int, key: str, *, connections: int = 24) -> None:
        self._port = port
        self._key = key
        self._coming: list[tuple[float, int, Webhook]] = []  # a heap by when each is due
        self._changed = threading.Condition()
        self._number = 0
        self._ready: queue.SimpleQueue[Webhook | None] = queue.SimpleQueue()
        self._waiting: dict[Webhook, list[Webhook]] = {}
        self._over = False
        self._clock = threading.Thread(target=self._dispatch, name="sender clock", daemon=True)
        self._threads = [
            threading.Thread(target=self._work, args=(number % _SIGNS == 0,), name=f"sender {number}", daemon=True)
            for number in range(connections)
        ]
        self.open = 0  # posts that are not accepted yet
        self.offset = 0.0

    def start(self) -> None:
        for thread in (self._clock, *self._threads):
            thread.start()

    def send(self, posts: Sequence[Webhook]) -> None:
        """Send all, each when it is due; what still waits of earlier ones is dropped."""
        with self._changed:
            self._coming.clear()
            self._waiting.clear()
            self.open = len(posts)
            for webhook in posts:
                if webhook.after is not None:
                    self._waiting.setdefault(webhook.after, []).append(webhook)
        for webhook in posts:
            if webhook.after is None:
                self._put(webhook.due, webhook)

    def stop(self) -> None:
        with self._changed:
            self._over = True
            self._changed.notify()
        self._clock.join()
        for _ in self._threads:
            self._ready.put(None)
        for thread in self._threads:
            thread.join()

    def _put(self, due: float, webhook: Webhook) -> None:
        with self._changed:
            self._number += 1
            heapq.heappush(self._coming, (due, self._number, webhook))
            self._changed.notify()

    def _dispatch(self) -> None:
        with self._changed:
            while not self._over:
                wait = self._coming[0][0] - time.monotonic() if self._coming else None
                if wait is None or wait > 0:
                    self._changed.wait(wait)
                else:
                    self._ready.put(heapq.heappop(self._coming)[2])

    def _work(self, signs: bool) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        while (webhook := self._ready.get()) is not None:
            self._attempt(connection, webhook, signs)
        connection.close()

    def _attempt(self, connection: http.client.HTTPConnection, webhook: Webhook, signs: bool) -> None:
        sent = time.monotonic()
        status, body, retry_after = self._post(connection, webhook, signs)
        webhook.answers.append(Answer(sent, time.monotonic(), status, body, retry_after))
        if not 200 <= status < 300:
            pause = min(LONGEST_PAUSE, 0.25 * 2 ** min(len(webhook.answers) - 1, 8))
            self._put(time.monotonic() + pause, webhook)
            return
        with self._changed:
            self.open -= 1
            following = self._waiting.pop(webhook, [])
        for later in following:
            self._put(max(later.due, time.monotonic()), later)

    def _post(
        self, connection: http.client.HTTPConnection, webhook: Webhook, signs: bool
    ) -> tuple[int, dict[str, object], str | None]:
        now = time.time() + self.offset
        with self._changed:
            raw = webhook.content(now)  # made once, though two may send it at the same time
        try:
            connection.request(
                "POST", f"/api/webhooks/cloudonix/{webhook.endpoint}", raw, self._headers(raw, int(now), signs)
            )
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            return 0, {}, None
        try:
            body = json.loads(content or b"{}")
        except ValueError:
            body = {}
        return answer.status, body, answer.headers["Retry-After"]

    def _headers(self, raw: bytes, now: int, signs: bool) -> dict[str, str]:
        headers = {"Content-Type": "application/json"}
        if not signs:
            return headers | {"Authorization": f"Bearer {self._key}"}
        digest = hmac.new(self._key.encode(), f"{now}.".encode() + raw, hashlib.sha256).hexdigest()
        return headers | {"X-Cloudonix-Timestamp": str(now), "X-Cloudonix-Signature": digest}
