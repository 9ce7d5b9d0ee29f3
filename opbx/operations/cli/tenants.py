"""Organizations and what belongs to them, and the demo."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask.cli import AppGroup, with_appcontext
from sqlalchemy import select

from opbx.database import write_transaction
from opbx.extensions import current_settings, db
from opbx.identity import accounts, numbers
from opbx.identity import sender_keys as senders
from opbx.identity.models import Organization, Role, User
from opbx.identity.sealing import UnreadableSecretError, current_seal
from opbx.operations import access, demo
from opbx.operations.simulator.command import simulate
from opbx.operations.trigger import trigger

organizations = AppGroup("organizations", help="Tenants.")
users = AppGroup("users", help="The people of an organization.")
sender_keys = AppGroup("sender-keys", help="What telephony senders authenticate with.")
dids = AppGroup("dids", help="Public numbers.")
extensions = AppGroup("extensions", help="Internal numbers.")

of_organization = click.option("--organization", "-o", required=True, help="Slug or domain.")


@contextmanager
def _change() -> Iterator[None]:
    """One transaction; what is refused is told in one line."""
    try:
        with write_transaction(db.session):
            yield
    except accounts.AccountError as error:
        raise click.ClickException(str(error)) from error


@organizations.command("create")
@click.argument("name")
@click.option("--domain", required=True, help="What senders call the organization in their webhooks.")
@click.option("--slug", help="Made from the name where not given.")
@click.option("--timezone", default="UTC", show_default=True)
@click.option("--domain-uuid", help="Random where not given.")
def create_organization(name: str, domain: str, slug: str | None, timezone: str, domain_uuid: str | None) -> None:
    """Add an organization."""
    with _change():
        organization = accounts.create_organization(
            db.session, name=name, domain=domain, slug=slug, timezone=timezone, domain_uuid=domain_uuid
        )
        click.echo(f"id           {organization.id}\nslug         {organization.slug}")
        click.echo(f"domain       {organization.domain}\ndomain uuid  {organization.domain_uuid}")


@organizations.command("list")
def list_organizations() -> None:
    """Show all organizations."""
    for row in db.session.scalars(select(Organization).order_by(Organization.slug)):
        click.echo(f"{row.slug}\t{row.domain}\t{row.domain_uuid}\t{row.status}\t{row.name}")


@organizations.command("suspend")
@click.argument("organization")
def suspend_organization(organization: str) -> None:
    """Refuse the users and senders of an organization (slug or domain) from now on, and end its open sockets."""
    with _change():
        accounts.suspend_organization(db.session, organization)


@organizations.command("activate")
@click.argument("organization")
def activate_organization(organization: str) -> None:
    """Take a suspension back."""
    with _change():
        accounts.activate_organization(db.session, organization)


@users.command("create")
@click.argument("email")
@of_organization
@click.option("--name", required=True)
@click.option("--role", type=click.Choice([role.value for role in Role]), default=Role.PBX_USER.value)
@click.password_option(help="Asked for where not given.")
def create_user(email: str, organization: str, name: str, role: str, password: str) -> None:
    """Add a user."""
    with _change():
        owner = accounts.find_organization(db.session, organization)
        user = accounts.create_user(db.session, owner, name=name, email=email, password=password, role=role)
        click.echo(user.id)


@users.command("list")
@of_organization
def list_users(organization: str) -> None:
    """Show the users of an organization."""
    try:
        owner = accounts.find_organization(db.session, organization)
    except accounts.AccountError as error:
        raise click.ClickException(str(error)) from error
    for user in db.session.scalars(select(User).where(User.organization_id == owner.id).order_by(User.email)):
        click.echo(f"{user.email}\t{user.role}\t{user.status}\t{user.name}")


@users.command("deactivate")
@click.argument("email")
def deactivate_user(email: str) -> None:
    """Switch a user off: logins and tokens are refused from now on, and open sockets end."""
    with _change():
        accounts.deactivate_user(db.session, email)


@users.command("activate")
@click.argument("email")
def activate_user(email: str) -> None:
    """Let a user in again."""
    with _change():
        accounts.activate_user(db.session, email)


@sender_keys.command("create")
@of_organization
@click.option("--name", required=True, help="Whose key it is.")
@click.option("--key", help="The Bearer key; random where not given.")
@click.option("--secret", help="The signing secret; random where not given.")
@click.option("--allow-unstamped", is_flag=True, help="Accept signatures without a timestamp.")
def create_sender_key(organization: str, name: str, key: str | None, secret: str | None, allow_unstamped: bool) -> None:
    """Add a sender's key and signing secret, and show them this once."""
    with _change():
        owner = accounts.find_organization(db.session, organization)
        issued = senders.create_sender_key(
            db.session,
            current_seal(),
            owner,
            name=name,
            key=key,
            signing_secret=secret,
            allow_unstamped=allow_unstamped,
        )
        click.echo(f"id              {issued.record.id}")
        click.echo(f"key             {issued.key}\nsigning secret  {issued.signing_secret}")


@sender_keys.command("revoke")
@click.argument("key_id")
def revoke_sender_key(key_id: str) -> None:
    """Refuse a sender's key from now on."""
    with _change():
        senders.revoke_sender_key(db.session, key_id)


@sender_keys.command("reseal")
def reseal_sender_keys() -> None:
    """Seal all signing secrets under the first key of OPBX_SECRET_KEY: the others can then be taken away."""
    try:
        with _change():
            count = senders.reseal(db.session, current_seal())
    except UnreadableSecretError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{count} sealed anew")


@dids.command("create")
@click.argument("phone_number")
@of_organization
@click.option("--name", help="A friendly name.")
def create_did(phone_number: str, organization: str, name: str | None) -> None:
    """Add a public number, in E.164 form with the plus."""
    with _change():
        owner = accounts.find_organization(db.session, organization)
        did = numbers.create_did_number(db.session, owner, phone_number=phone_number, friendly_name=name)
        click.echo(did.id)


@extensions.command("create")
@click.argument("number")
@of_organization
@click.option("--user", "email", help="Email address of who answers it.")
def create_extension(number: str, organization: str, email: str | None) -> None:
    """Add an internal number."""
    with _change():
        owner = accounts.find_organization(db.session, organization)
        user = accounts.find_user(db.session, email) if email else None
        click.echo(numbers.create_extension(db.session, owner, number=number, user=user).id)


@click.command("seed-demo")
@with_appcontext
def seed_demo() -> None:
    """Make sure that the demo exists, and show how to log in to it."""
    given = access.read(current_settings())
    with _change():
        seeded = demo.seed(db.session, current_seal(), given)
        domains = [organization.domain for organization in seeded]
    for domain in domains:
        click.echo(f"{domain}: owner@{domain}, agent@{domain}")
    click.echo(f"password    {given.password}\nsender key  {given.sender_key}")


COMMANDS = (organizations, users, sender_keys, dids, extensions, seed_demo, simulate, trigger)
