"""`authorize`: what it costs web to sign a subscription, which every client asks for when it comes, and comes back."""

from itertools import cycle

import requests

from bench.pump import CONNECTIONS, pump
from bench.report import Table
from bench.stack import PASSWORD, Organization, Stack, whole_stack

ORGANIZATIONS = 10
SECONDS = 10.0

_PATH = "/broadcasting/auth"


def run() -> None:
    """Measure and print."""
    with whole_stack(ORGANIZATIONS) as stack:
        asked = cycle([_request(stack, organization) for organization in stack.organizations])
        pump(stack.web_port, lambda: cycle((next(asked),)), 1.0)  # to warm up
        before = stack.cpu_seconds()
        flow = pump(stack.web_port, lambda: cycle((next(asked),)), SECONDS)
        used = {name: after - before[name] for name, after in stack.cpu_seconds().items()}
    table = Table(
        f"Signatures of presence channels, on {stack.database}: {CONNECTIONS} connections, each asking as soon as it "
        "is answered"
    )
    table.figure("signatures a second", f"{flow.rate:.0f}")
    table.goal("refused", str(flow.refused), "0", not flow.refused)
    for name, seconds in sorted(used.items(), key=lambda item: -item[1]):
        table.figure(f"processor time of one: {name}", f"{1000 * seconds / flow.answered:.2f} ms")
    table.show()


def _request(stack: Stack, organization: Organization) -> bytes:
    login = {"email": f"agent@{organization.domain}", "password": PASSWORD}
    answer = requests.post(f"http://127.0.0.1:{stack.web_port}/api/v1/auth/login", json=login, timeout=30)
    answer.raise_for_status()
    body = f"socket_id=1.1&channel_name=presence-presence.org.{organization.id}"
    return (
        f"POST {_PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {answer.json()['access_token']}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()
