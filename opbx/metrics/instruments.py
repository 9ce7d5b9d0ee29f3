"""What web and workers count. What relays count is in `opbx/relay/metrics.py`, what beat finds in
`opbx/operations/metrics/backlog.py`.

Names follow Prometheus' rules: base units (seconds, bytes), `_total` for what only grows.
"""

from opbx.metrics.registry import INSTRUMENTS, Counter, Histogram

#: Seconds. Most answers take a few milliseconds; the longest wait of a request for its database is five seconds.
_REQUEST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

HTTP_REQUESTS = Counter(
    "opbx_http_requests", "Requests that the web process answered", ["endpoint", "status"], registry=INSTRUMENTS
)
HTTP_SECONDS = Histogram(
    "opbx_http_request_seconds", "Time to answer a request", ["endpoint"], buckets=_REQUEST, registry=INSTRUMENTS
)
WEBHOOKS = Counter(
    "opbx_webhooks", "Webhooks of telephony senders, by how they were answered", ["endpoint", "outcome"],
    registry=INSTRUMENTS,
)  # fmt: skip
WEBHOOKS_OF = Counter(
    "opbx_sender_webhooks", "Webhooks of authenticated senders, by organization", ["organization", "outcome"],
    registry=INSTRUMENTS,
)  # fmt: skip
TRANSITIONS = Counter(
    "opbx_call_transitions", "Steps of calls, by the status they led to", ["step", "status"], registry=INSTRUMENTS
)
RATE_LIMITED = Counter("opbx_rate_limited", "Requests refused by a rate limit", ["limit"], registry=INSTRUMENTS)
LIMITS_SKIPPED = Counter(
    "opbx_rate_limits_skipped", "Requests let through because Redis could not be asked for their limit", ["limit"],
    registry=INSTRUMENTS,
)  # fmt: skip
WAKES_FAILED = Counter(
    "opbx_wakes_failed", "Times that channels could not be woken after a commit; the sweeper delivers those",
    registry=INSTRUMENTS,
)  # fmt: skip
TASKS = Counter("opbx_tasks", "Tasks that a worker ended", ["task", "outcome"], registry=INSTRUMENTS)
TASK_SECONDS = Histogram("opbx_task_seconds", "Time that a task ran", ["task"], buckets=_REQUEST, registry=INSTRUMENTS)
DELIVERIES_FAILED = Counter(
    "opbx_deliveries_failed", "Deliveries that failed and were left to the sweeper, by why", ["why"],
    registry=INSTRUMENTS,
)  # fmt: skip
EVENTS_FAILED = Counter(
    "opbx_events_failed", "Events that can never be published; clients are told to load anew", registry=INSTRUMENTS
)
EVENTS_REPEATED = Counter(
    "opbx_events_repeated", "Events that had been published before, and were refused", registry=INSTRUMENTS
)
CHANNELS_STALLED = Counter(
    "opbx_channels_stalled", "Channels that the sweeper found waiting without a deliverer", registry=INSTRUMENTS
)
APP_WEBHOOKS = Counter(
    "opbx_app_webhooks", "Attempts to send a batch of an app's webhook events", ["outcome"], registry=INSTRUMENTS
)
