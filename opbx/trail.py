"""What leads from a webhook to the frames that it caused: the request's id, its call's,
and with tracing its place in the trace.

It is one text, `request-id`, `request-id traceparent` (W3C Trace Context) or `request-id traceparent call-id`, where
the traceparent may be empty; in the logging context of whoever works for the request, in the headers of a task, and in
front of a message on the backplane. A channel that is woken already is not woken again, so that an event may travel on
the trail of the request just before it.

A call id is what a sender likes to print, so that it travels percent-encoded (RFC 3986, section 2.1).
"""

import re
from typing import NamedTuple
from urllib.parse import quote, unquote

import structlog

from opbx import tracing

#: How the header of a task is called.
HEADER = "opbx_trail"

#: Characters of a call id that are carried; as many as a call may have.
CALL_ID = 255

_UNSAFE = re.compile(r"[^!-~]")


class Trail(NamedTuple):
    """The parts of a trail, each empty where there is none."""

    request_id: str
    traceparent: str
    call_id: str


def current() -> str:
    """The trail of what is being done now; empty where nobody asked for it (beat)."""
    bound = structlog.contextvars.get_contextvars()
    request_id = bound.get("request_id", "")
    if not request_id:
        return ""
    call_id = quote(bound.get("call_id", "")[:CALL_ID], safe="", errors="replace")
    return f"{_UNSAFE.sub('_', request_id)} {tracing.traceparent()} {call_id}".rstrip()


def follow(trail: str) -> str:
    """Go on under the trail: log lines name its request and call from here on. Returns the place in the trace."""
    parts = split(trail)
    structlog.contextvars.clear_contextvars()
    ids = {"request_id": parts.request_id, "call_id": parts.call_id}
    structlog.contextvars.bind_contextvars(**{name: value for name, value in ids.items() if value})
    return parts.traceparent


def split(trail: str) -> Trail:
    """The parts of a trail; one of an earlier version has fewer."""
    request_id, traceparent, call_id, *_ = [*trail.split(" "), "", ""]
    return Trail(request_id, traceparent, unquote(call_id))
