"""How commands answer: for people with rich, for scripts as JSON."""

import sys
from typing import Any

import click
import orjson
from rich.console import Console

#: An option of most commands.
as_json = click.option("--json", "as_json", is_flag=True, help="JSON, for scripts.")


def console() -> Console:
    """Writes to where the command's output goes."""
    return Console(file=sys.stdout, highlight=False, soft_wrap=True)


def document(value: Any) -> None:
    """One JSON document, on one line."""
    click.echo(orjson.dumps(value, default=str).decode())
