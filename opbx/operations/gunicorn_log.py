"""gunicorn's own records in the application's form, from the first one on."""

from typing import Any

from gunicorn import glogging

from opbx.operations import logs
from opbx.settings import Settings


class Logger(glogging.Logger):  # type: ignore[misc]
    """What `logger_class` of a gunicorn configuration names."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        logs.configure(Settings.from_environment())
        self.error_log.handlers.clear()
        self.error_log.propagate = True
