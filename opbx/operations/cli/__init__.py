"""`opbx …`, and the same as `flask --app wsgi:app …`: for people at a terminal, and with `--json` for scripts."""

from typing import Any

from flask import Flask
from flask.cli import FlaskGroup

from opbx.operations.cli import events, load, processes, tenants
from opbx.operations.cli.dead_letters import dead_letters
from opbx.operations.cli.doctor import doctor

#: What an operator reaches for; in the order of `opbx --help`.
OPERATION = (processes.status, doctor, events.tail, events.replay, dead_letters, load.load)


def register(app: Flask) -> None:
    """Add the commands to the application."""
    for command in (*tenants.COMMANDS, *OPERATION):
        app.cli.add_command(command)


def _create_app() -> Flask:
    from opbx import create_app  # noqa: PLC0415 - `opbx doctor` runs where the application does not start

    return create_app()


class Opbx(FlaskGroup):
    """Loads the application only for commands that need it."""

    def __init__(self, **extra: Any) -> None:
        super().__init__(create_app=_create_app, add_default_commands=False, **extra)
        for command in OPERATION:
            self.add_command(command)


main = Opbx(name="opbx", help="Operate OPBX real-time.", context_settings={"help_option_names": ["-h", "--help"]})
