"""Logging: one structlog pipeline for our own and the libraries' records; JSON in production, readable elsewhere."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import orjson
import structlog
from structlog.types import Processor

from opbx.settings import Settings

_SECRET = re.compile(r"passw|secret|token(?!_id)|authorization|cookie|api_?key|signature", re.I)
_URL_PASSWORD = re.compile(r"(://[^:/@\s]*:)[^@/\s]+@")

#: A phone number in E.164 form, all but its last four digits.
_PHONE_NUMBER = re.compile(r"\+\d{3,11}(?=\d{4}(?!\d))")

#: Libraries that tell at INFO what nobody asked for.
_CHATTY = (
    "alembic.runtime.plugins",
    "amqp",
    "celery.app.trace",
    "celery.beat",
    "celery.worker.consumer.mingle",
    "celery.worker.control",
    "celery.worker.strategy",
    "flask-limiter",
    "kombu",
    "urllib3",
)


def configure(settings: Settings) -> None:
    """Set up logging for this process; calling it again replaces what was."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        mask_secrets,
    ]
    structlog.configure(
        # what nobody will read is dropped before anything is done for it
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=settings.environment != "test",
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_renderers(settings)))
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old.formatter, structlog.stdlib.ProcessorFormatter)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(settings.log_level)
    logging.captureWarnings(settings.environment == "production")
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def mask_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A processor: secret fields, passwords within URLs, and whole phone numbers never reach a log.

    At DEBUG numbers stay: who looks for one call needs them.
    """
    numbers = event.get("level") != "debug"
    for key, value in event.items():
        event[key] = "***" if _SECRET.search(key) else _masked(value, numbers)
    return event


def _masked(value: Any, numbers: bool) -> Any:
    match value:
        case str():
            value = _URL_PASSWORD.sub(r"\1***@", value) if "://" in value else value
            return _PHONE_NUMBER.sub("+***", value) if numbers and "+" in value else value
        case dict():
            return {key: "***" if _SECRET.search(str(key)) else _masked(v, numbers) for key, v in value.items()}
        case list():  # no tuple: an exception travels as one
            return [_masked(item, numbers) for item in value]
        case _:
            return value


def _renderers(settings: Settings) -> list[Processor]:
    drop = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if settings.environment == "production":
        return [
            drop,
            structlog.processors.format_exc_info,
            mask_secrets,  # what the exception said
            structlog.processors.JSONRenderer(serializer=lambda event, **_: orjson.dumps(event, default=repr).decode()),
        ]
    # plain, since the pretty one shows local variables: pages of them, secrets among them
    plain = structlog.dev.plain_traceback
    return [drop, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]
