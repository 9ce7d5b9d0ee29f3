"""Posts webhooks the way a good sender does: authenticated, and again until they are taken."""

import hmac
import threading
import time
from collections import Counter
from enum import StrEnum
from hashlib import sha256
from random import Random
from urllib.parse import urlencode

import orjson
import requests
from requests.adapters import HTTPAdapter

from opbx.operations.simulator.plan import Line
from opbx.operations.simulator.vocabularies import Webhook

TRIES = 8
TIMEOUT = 5.0
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0


class Tally(StrEnum):
    ACCEPTED = "accepted"
    DUPLICATE = "duplicates"
    REFUSED = "refused"
    RETRIED = "retried"
    LOST = "lost"


class Sender:
    """Posts to one receiver from any number of threads, and counts how it goes."""

    def __init__(self, url: str, stop: threading.Event, random: Random, threads: int) -> None:
        self._url = url.rstrip("/")
        self._stop = stop
        self._random = random
        self._http = requests.Session()
        self._http.mount("http", HTTPAdapter(pool_maxsize=threads))
        self._counting = threading.Lock()
        self.counts: Counter[Tally] = Counter()
        self.last_refusal = ""

    def wait_until_up(self) -> bool:
        """Wait until the receiver answers at all; False when told to stop before."""
        while not self._stop.is_set():
            try:
                self._http.get(f"{self._url}/api/v1/websocket/config", timeout=TIMEOUT)
            except requests.RequestException:
                self._stop.wait(0.5)
            else:
                return True
        return False

    def send(self, line: Line, webhook: Webhook) -> None:
        """Post the webhook until it is taken or refused, or until patience ends. Never raises."""
        for attempt in range(TRIES):
            if self._stop.is_set():
                return
            try:
                answer = self._post(line, webhook)
            except requests.RequestException:
                pause = self._pause(attempt)
            else:
                if answer.status_code < 500 and answer.status_code != 429:
                    self._settle(webhook, answer)
                    return
                pause = _asked_for(answer) or self._pause(attempt)
            self._count(Tally.RETRIED)
            self._stop.wait(min(pause, LONGEST_PAUSE))
        self._count(Tally.LOST)

    def close(self) -> None:
        self._http.close()

    def _post(self, line: Line, webhook: Webhook) -> requests.Response:
        body = urlencode(webhook.payload).encode() if webhook.form else orjson.dumps(webhook.payload)
        headers = {
            "Content-Type": "application/x-www-form-urlencoded" if webhook.form else "application/json",
            **credentials(line, webhook.endpoint, body),
        }
        if webhook.key:
            headers["X-Idempotency-Key"] = webhook.key
        url = f"{self._url}/api/webhooks/cloudonix/{webhook.endpoint}"
        return self._http.post(url, data=body, headers=headers, timeout=TIMEOUT)

    def _settle(self, webhook: Webhook, answer: requests.Response) -> None:
        if not answer.ok:
            self.last_refusal = f"{webhook.endpoint}: {answer.status_code} {answer.text[:200]}"
            self._count(Tally.REFUSED)
            return
        duplicate = answer.status_code == 200 and answer.json().get("duplicate")
        self._count(Tally.DUPLICATE if duplicate else Tally.ACCEPTED)

    def _pause(self, attempt: int) -> float:
        pause: float = FIRST_PAUSE * 2**attempt * self._random.uniform(0.5, 1.5)
        return pause

    def _count(self, tally: Tally) -> None:
        with self._counting:
            self.counts[tally] += 1


def credentials(line: Line, endpoint: str, body: bytes) -> dict[str, str]:
    """Cloudonix sends its detail records with the key; everything else is signed."""
    if endpoint == "cdr":
        return {"Authorization": f"Bearer {line.key}"}
    timestamp = str(int(time.time()))
    signature = hmac.new(line.secret.encode(), timestamp.encode() + b"." + body, sha256).hexdigest()
    return {"X-Cloudonix-Timestamp": timestamp, "X-Cloudonix-Signature": signature}


def _asked_for(answer: requests.Response) -> float | None:
    given = answer.headers.get("Retry-After", "")
    return float(given) if given.isdigit() else None
