"""What workers and beat say of a broker that is away: a line, where their libraries show stacks at every attempt."""

import logging
import time
import warnings

from celery.beat import SchedulingError
from celery.exceptions import CPendingDeprecationWarning, Reject
from kombu.exceptions import OperationalError
from redis import RedisError

#: Seconds without a failure after which beat's next one is told again.
QUIET = 15.0

BEAT = "celery.beat"
CONSUMER = "celery.worker.consumer.consumer"
TASKS = "celery.app.trace"

_BROKER_ERRORS = (OSError, RedisError, OperationalError, SchedulingError, Reject)


class OneLine(logging.Filter):
    """Takes the stacks from records of a broker that fails.

    Beat tells of every task that it cannot send, several a second: of those, the first of an outage has to do.
    """

    def __init__(self) -> None:
        super().__init__()
        self._last_failure: float | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, _BROKER_ERRORS):
            return True
        message = f"{error}" if record.name == BEAT else record.getMessage()
        record.msg, record.args = " ".join(message.split()), ()
        record.exc_info = record.exc_text = None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        return record.name != BEAT or self._begins()

    def _begins(self) -> bool:
        before, self._last_failure = self._last_failure, time.monotonic()
        return before is None or self._last_failure - before > QUIET


def tell_briefly() -> None:
    """Have this process tell of outages in single lines."""
    brief = OneLine()
    for name in (BEAT, CONSUMER, TASKS):
        logging.getLogger(name).addFilter(brief)
    # told at every lost connection, about a default of the next major version
    warnings.simplefilter("ignore", CPendingDeprecationWarning)
