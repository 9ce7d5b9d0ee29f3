"""Counts what the web process answers, and how long that took."""

import time

import structlog
from flask import Flask, Response, g, request

from opbx.metrics.instruments import HTTP_REQUESTS, HTTP_SECONDS, WEBHOOKS, WEBHOOKS_OF
from opbx.metrics.labels import Bounded

#: What a webhook's status says; of those that are accepted, the view knows more.
OUTCOMES = {
    200: "accepted",
    204: "unchanged",
    400: "malformed",
    401: "unauthenticated",
    403: "suspended",
    413: "too large",
    415: "malformed",
    422: "invalid",
    429: "limited",
    503: "unavailable",
}

#: Organizations that are counted by themselves, in each process.
_MOST_ORGANIZATIONS = 200


def register(app: Flask) -> None:
    """Count every request of `app`."""
    organizations = Bounded(_MOST_ORGANIZATIONS)

    @app.before_request
    def start() -> None:
        g.started = time.perf_counter()

    @app.after_request
    def count(answer: Response) -> Response:
        endpoint = request.endpoint or "none"
        HTTP_REQUESTS.labels(endpoint, answer.status_code).inc()
        if "started" in g:
            HTTP_SECONDS.labels(endpoint).observe(time.perf_counter() - g.started)
        if endpoint.startswith("webhooks."):
            outcome = g.get("webhook_outcome") or OUTCOMES.get(answer.status_code, "failed")
            WEBHOOKS.labels(endpoint.removeprefix("webhooks."), outcome).inc()
            organization = structlog.contextvars.get_contextvars().get("organization_id")
            if organization:
                WEBHOOKS_OF.labels(organizations(organization), outcome).inc()
        return answer
