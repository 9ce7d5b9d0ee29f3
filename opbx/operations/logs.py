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

#: Fields that hold a phone number. `from` and `to` may as well be moments: there only text is one.
_NUMBER_FIELD = r"(?:from|to|caller|callee|called|destination|phone)_?number|did|extension|caller|callee|phone"
_INTEGER_FIELD = re.compile(_NUMBER_FIELD, re.I)
_TEXT_FIELD = re.compile(rf"{_NUMBER_FIELD}|from|to", re.I)

#: A phone number without its plus, which only its field tells from other digits: all but its last four.
_BARE_NUMBER = re.compile(r"(?<!\d)\d{4,}(?=\d{4}(?!\d))")

#: The same with its field in a text: in JSON, also where that is a string within JSON, in a URL's query, in a repr.
_TOLD_NUMBER = re.compile(
    rf"""((?<![a-z0-9])(?:(?:{_NUMBER_FIELD})\\*["']?\s*[:=]\s*\\*["']?|(?:from|to)\\*["']?\s*[:=]\s*\\*["']))"""
    rf"{_BARE_NUMBER.pattern}",
    re.I,
)

#: What a text without such a number has nowhere.
_DIGITS = re.compile(r"\d{8}")

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
        event[key] = _masked(key, value, numbers)
    return event


def _masked(key: str, value: Any, numbers: bool) -> Any:
    if _SECRET.search(key):
        return "***"
    match value:
        case str():
            value = _URL_PASSWORD.sub(r"\1***@", value) if "://" in value else value
            return _shortened(key, value) if numbers else value
        case int() if numbers and not isinstance(value, bool) and _INTEGER_FIELD.fullmatch(key):
            return _BARE_NUMBER.sub("***", str(value))
        case dict():
            return {name: _masked(str(name), v, numbers) for name, v in value.items()}
        case list():  # no tuple: an exception travels as one
            return [_masked(key, item, numbers) for item in value]
        case _:
            return value


def _shortened(key: str, text: str) -> str:
    """A text without whole phone numbers."""
    text = _PHONE_NUMBER.sub("+***", text) if "+" in text else text
    if not _DIGITS.search(text):  # as good as always: a look at this costs less than one at the fields
        return text
    if text.isdecimal():
        return _BARE_NUMBER.sub("***", text) if _TEXT_FIELD.fullmatch(key) else text
    return _TOLD_NUMBER.sub(r"\1***", text)


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
