"""What leads from a webhook to the frames that it caused: the request's id, and with tracing its place in the trace.

It is one text, `request-id` or `request-id traceparent` (W3C Trace Context), in the logging context of whoever works
for the request, in the headers of a task, and in front of a message on the backplane. A channel that is woken already
is not woken again, so that an event may travel on the trail of the request just before it.
"""

import re

import structlog

from opbx import tracing

#: How the header of a task is called.
HEADER = "opbx_trail"

_UNSAFE = re.compile(r"[^!-~]")


def current() -> str:
    """The trail of what is being done now; empty where nobody asked for it (beat)."""
    request_id = structlog.contextvars.get_contextvars().get("request_id", "")
    trail = f"{_UNSAFE.sub('_', request_id)} {tracing.traceparent()}".strip()
    return trail if request_id else ""


def follow(trail: str) -> str:
    """Go on under the trail: log lines name its request from here on. Returns the place in the trace, or nothing."""
    request_id, traceparent = split(trail)
    structlog.contextvars.clear_contextvars()
    if request_id:
        structlog.contextvars.bind_contextvars(request_id=request_id)
    return traceparent


def split(trail: str) -> tuple[str, str]:
    """Request id and place in the trace, each empty where there is none."""
    request_id, _, traceparent = trail.partition(" ")
    return request_id, traceparent
