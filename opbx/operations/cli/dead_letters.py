"""`opbx dead-letters`: what was given up, of all organizations and apps, tried again or forgotten."""

from collections.abc import Callable, Iterable
from dataclasses import asdict

import click
from flask.cli import AppGroup

from opbx.database import utcnow
from opbx.dead_letters import letters
from opbx.dead_letters.views import send
from opbx.extensions import db, transactions
from opbx.identity import accounts
from opbx.moments import iso
from opbx.operations.cli.output import as_json, document

dead_letters = AppGroup("dead-letters", help="Events and webhooks that were given up: list, retry, drop.")

of_letters = click.argument("ids", nargs=-1)
or_all = click.option("--all", "everything", is_flag=True, help="All that there are.")


@dead_letters.command("list")
@click.option("--organization", "-o", help="Slug or domain; without it, of all.")
@click.option("--limit", type=click.IntRange(min=1, max=1000), default=50, show_default=True)
@as_json
def list_letters(*, organization: str | None, limit: int, as_json: bool) -> None:
    """Show the newest: id, when, after how many tries, where to, and why. As JSON with their content."""
    found = letters.list_letters(db.session, _find(organization) if organization else None, limit)
    if as_json:
        document([asdict(letter) for letter in found])
        return
    for letter in found:
        name = f" {letter.name}" if letter.name else ""
        click.echo(f"{letter.id}  {iso(letter.failed_at)}  {letter.attempts}x  {letter.target}{name}: {letter.reason}")
    if not found:
        click.echo("none")


@dead_letters.command("retry")
@of_letters
@or_all
def retry(ids: tuple[str, ...], *, everything: bool) -> None:
    """Try letters again; events get new sequences."""
    _each(ids, everything, lambda letter: letters.retry(db.session, transactions(), send, letter, None), "tried again")


@dead_letters.command("drop")
@of_letters
@or_all
def drop(ids: tuple[str, ...], *, everything: bool) -> None:
    """Forget letters."""
    _each(ids, everything, lambda letter: letters.drop(db.session, letter, None), "dropped")


def _each(ids: Iterable[str], everything: bool, act: Callable[[str], None], done: str) -> None:
    if bool(ids) == everything:
        raise click.UsageError("name letters, or say --all")
    for letter in letters.ids_until(db.session, utcnow()) if everything else ids:
        try:
            act(letter)
        except letters.NoSuchLetter as error:
            if not everything:
                raise click.ClickException(f"there is no letter {error}") from error
            continue  # somebody else was sooner
        click.echo(f"{letter} is {done}")


def _find(name: str) -> str:
    try:
        return accounts.find_organization(db.session, name).id
    except accounts.AccountError as error:
        raise click.ClickException(str(error)) from error
