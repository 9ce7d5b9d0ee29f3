"""Telling an app's webhooks what happened: queued on the backplane, sent by the workers."""

from typing import Any

from opbx.apps import App
from opbx.backplane.hooks import hook_call
from opbx.backplane.presence import is_internal
from opbx.relay.ledger import Ledger


class Hooks:
    """Queues webhook events of the apps that want them."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def tell(self, app: App, name: str, channel: str, **details: Any) -> None:
        """Queue the event; never waits. `details` are the event's own fields."""
        if not is_internal(channel) and app.wants(name, channel):
            self._ledger.submit(hook_call(app.id, {"name": name, "channel": channel, **details}))
