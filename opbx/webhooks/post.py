"""One POST request: sent, or not accepted."""

from collections.abc import Mapping
from typing import Final

import requests

from opbx.webhooks.deadline import Deadline, DeadlineAdapter

#: Seconds for the connection, and for everything together.
CONNECT: Final = 3.0
TOTAL: Final = 10.0


class NotAccepted(Exception):
    """The endpoint was not reached, or did not answer with a 2xx; the message says what happened."""


def post(url: str, body: bytes, headers: Mapping[str, str], *, total: float = TOTAL) -> None:
    """Send `body`. Raises `NotAccepted` unless the answer is a 2xx; redirects are not followed.

    Proxies of the environment (`HTTPS_PROXY`, `NO_PROXY`) are used. The answer's body is not read.
    """
    try:
        with Deadline(total) as deadline, requests.Session() as session:
            session.mount("http://", DeadlineAdapter())
            session.mount("https://", DeadlineAdapter())
            with session.post(
                url, data=body, headers=dict(headers), timeout=(CONNECT, total), allow_redirects=False, stream=True
            ) as answer:
                status = answer.status_code
    except (requests.RequestException, OSError) as error:
        raise NotAccepted(f"{type(error).__name__}: {error}") from error
    if deadline.over:  # what was cut off within its headers looks like an answer
        raise NotAccepted(f"no whole answer within {total:g} s")
    if not 200 <= status < 300:
        raise NotAccepted(f"status {status}")
