"""Where an event's trail ends: written to everybody. Told at LOG_LEVEL=DEBUG and to the trace, else not looked at."""

import structlog

from opbx import tracing, trail

log = structlog.get_logger()

#: Whether anybody wants to know.
told = False


def tell(wanted: bool) -> None:
    """Tell of each event from here on, or not."""
    global told  # noqa: PLW0603 - one for the process
    told = wanted


def written(channel: str, path: str, delay: float) -> None:
    """An event that came on the trail `path` was written to all subscribers here, `delay` seconds after its commit."""
    parts = trail.split(path)
    milliseconds = round(delay * 1000, 1)
    ids = {"request_id": parts.request_id, "call_id": parts.call_id}
    log.debug("event written", channel=channel, since_commit_ms=milliseconds, **ids)
    tracing.note("relay write", parts.traceparent, channel=channel, since_commit_ms=milliseconds)
