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
    request_id, parent = trail.split(path)
    milliseconds = round(delay * 1000, 1)
    log.debug("event written", channel=channel, request_id=request_id, since_commit_ms=milliseconds)
    tracing.note("relay write", parent, channel=channel, since_commit_ms=milliseconds)
