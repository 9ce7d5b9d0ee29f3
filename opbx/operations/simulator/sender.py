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
        self.url = url.rstrip("/")
        self._stop = stop
        self._random = random
        self._http = requests.Session()
        self._http.mount("http", HTTPAdapter(pool_maxsize=threads))
        self._counting = threading.Lock()
        self.counts: Counter[Tally] = Counter()
        self.last_refusal = ""

    def is_up(self) -> bool:
        """Whether the receiver answers at all."""
        try:
            self._http.get(f"{self.url}/api/v1/websocket/config", timeout=TIMEOUT)
        except requests.RequestException:
            return False
        return True

    def send(self, line: Line, webhook: Webhook) -> bool:
        """Post the webhook until it is taken or refused, or until patience ends; False when told to stop before."""
        for attempt in range(TRIES):
            if self._stop.is_set():
                return False
            pause = self._try(line, webhook, TIMEOUT)
            if pause is None:
                return True
            self._count(Tally.RETRIED)
            self._stop.wait(min(pause or self._pause(attempt), LONGEST_PAUSE))
        self._count(Tally.LOST)
        return True

    def send_by(self, deadline: float, line: Line, webhook: Webhook) -> None:
        """Post the webhook once, whether told to stop or not; `deadline` is of `time.monotonic`."""
        left = deadline - time.monotonic()
        if left <= 0 or self._try(line, webhook, left) is not None:
            self._count(Tally.LOST)

    def close(self) -> None:
        self._http.close()

    def _try(self, line: Line, webhook: Webhook, timeout: float) -> float | None:
        """None when the receiver took or refused it; else the pause it asked for, in seconds (0: none)."""
        try:
            answer = self._post(line, webhook, timeout)
        except requests.RequestException:
            return 0.0
        if answer.status_code >= 500 or answer.status_code == 429:
            return _asked_for(answer)
        self._settle(webhook, answer)
        return None

    def _post(self, line: Line, webhook: Webhook, timeout: float) -> requests.Response:
        body = urlencode(webhook.payload).encode() if webhook.form else orjson.dumps(webhook.payload)
        headers = {
            "Content-Type": "application/x-www-form-urlencoded" if webhook.form else "application/json",
            **credentials(line, webhook.endpoint, body),
        }
        if webhook.key:
            headers["X-Idempotency-Key"] = webhook.key
        url = f"{self.url}/api/webhooks/cloudonix/{webhook.endpoint}"
        return self._http.post(url, data=body, headers=headers, timeout=timeout)

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


def _asked_for(answer: requests.Response) -> float:
    given = answer.headers.get("Retry-After", "")
    return float(given) if given.isdigit() else 0.0
