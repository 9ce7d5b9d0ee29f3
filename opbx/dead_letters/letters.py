"""The dead letters of both kinds under one name: listed, retried, dropped, counted.

A letter's id is `event-` and the outbox row's number, or `webhook-` and the batch's id. An `organization` limits every
function to its own letters; None is the operator, who sees all.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, TypeVar

import orjson
from sqlalchemy import ColumnElement, Connection, Select, delete, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from opbx.broadcasting.models import BroadcastEvent
from opbx.broadcasting.outbox import publish_again
from opbx.calls.events import organization_channel
from opbx.database import AnySession, change_chosen, utcnow, write_transaction
from opbx.dead_letters.models import REASON_LENGTH, URL_LENGTH, GivenUpWebhook
from opbx.identity.models import Extension, User
from opbx.pipeline import Transactions
from opbx.pusher.channels import parse_channel
from opbx.webhooks.batches import Batch, shown

T = TypeVar("T")

EVENT, WEBHOOK = "event", "webhook"

#: Ids that are read at a time where all letters are meant.
PAGE = 500

#: Puts a batch into the queue; raises where it cannot.
Send = Callable[[Batch], object]


class NoSuchLetter(Exception):
    """There is no such letter, or it is another organization's. Permanent."""


@dataclass(frozen=True, kw_only=True)
class Letter:
    """`target` is the event's channel, or the webhook's URL without what may be secret in it.

    `content` is the payload or the body.
    """

    id: str
    kind: str
    target: str
    name: str | None
    content: Any
    reason: str
    attempts: int
    created_at: datetime
    failed_at: datetime


def list_letters(session: AnySession, organization: str | None, limit: int) -> list[Letter]:
    """The newest of both kinds, newest first."""
    events = _events(session, organization).order_by(BroadcastEvent.failed_at.desc()).limit(limit)
    webhooks = _webhooks(organization).order_by(GivenUpWebhook.failed_at.desc()).limit(limit)
    found = [*map(_of_event, session.scalars(events)), *map(_of_webhook, session.scalars(webhooks))]
    return sorted(found, key=lambda letter: letter.failed_at, reverse=True)[:limit]


def ids_until(session: AnySession, moment: datetime) -> Iterator[str]:
    """Every letter that failed by then, by id, in pages: what is done to one between two may take its time."""
    failed_at = func.coalesce(BroadcastEvent.failed_at, BroadcastEvent.created_at)
    events = select(BroadcastEvent.id).where(BroadcastEvent.failure.is_not(None), failed_at <= moment)
    webhooks = select(GivenUpWebhook.id).where(GivenUpWebhook.failed_at <= moment)
    yield from (f"{EVENT}-{one}" for one in _paged(session, events, BroadcastEvent.id))
    yield from (f"{WEBHOOK}-{one}" for one in _paged(session, webhooks, GivenUpWebhook.id))


def _paged(session: AnySession, query: Select[T], key: InstrumentedAttribute[T]) -> Iterator[T]:
    page = session.scalars(query.order_by(key).limit(PAGE)).all()
    while page:
        yield from page
        page = session.scalars(query.where(key > page[-1]).order_by(key).limit(PAGE)).all()


def count(session: AnySession | Connection) -> dict[str, int]:
    """How many there are, by kind."""
    failed = select(func.count()).select_from(BroadcastEvent).where(BroadcastEvent.failure.is_not(None))
    given_up = select(func.count()).select_from(GivenUpWebhook)
    return {EVENT: session.execute(failed).scalar_one(), WEBHOOK: session.execute(given_up).scalar_one()}


def retry(session: AnySession, transactions: Transactions, send: Send, letter: str, organization: str | None) -> None:
    """Try again: an event with a new sequence, since its old one was passed; a webhook with all its time before it.

    Raises `NoSuchLetter`, and what `send` raises; the letter stays then.
    """
    found = _find(session, letter, organization)
    if isinstance(found, BroadcastEvent):
        row = found.id
        session.rollback()  # it is changed in a transaction of its own
        with transactions.begin() as transaction:
            if not publish_again(transaction, row):
                raise NoSuchLetter(letter)
        return
    failed_at = found.failed_at
    batch = Batch(found.id, found.app_id, found.url, int(utcnow().timestamp() * 1000), found.body, found.attempts)
    session.rollback()
    send(batch)  # before the letter goes: sent twice is better than never
    tried = GivenUpWebhook.id == batch.id, GivenUpWebhook.failed_at == failed_at  # not one given up again by now
    with write_transaction(session):
        change_chosen(session, delete(GivenUpWebhook).where(*tried))


def drop(session: AnySession, letter: str, organization: str | None) -> None:
    """Forget the letter. Raises `NoSuchLetter`."""
    session.rollback()
    with write_transaction(session):
        found = _find(session, letter, organization)
        model = type(found)
        if not change_chosen(session, delete(model).where(model.id == found.id)):
            raise NoSuchLetter(letter)


def prune(session: AnySession, before: datetime, limit: int) -> int:
    """Forget at most `limit` webhooks that were given up before then; return how many. The caller commits."""
    old = select(GivenUpWebhook.id).where(GivenUpWebhook.failed_at < before).limit(limit)
    return change_chosen(session, delete(GivenUpWebhook).where(GivenUpWebhook.id.in_(old)))


def keep(session: AnySession, batch: Batch, reason: str, own_app: str) -> None:
    """Keep a batch that was given up. `own_app` is the app whose channels are this product's. Commits."""
    with write_transaction(session):
        session.merge(
            GivenUpWebhook(
                **asdict(batch) | {"url": batch.url[:URL_LENGTH], "reason": reason[:REASON_LENGTH]},
                organization_id=_organization_of(batch) if batch.app_id == own_app else None,
                failed_at=utcnow(),
            )
        )


def _organization_of(batch: Batch) -> str | None:
    """The one organization that all of the batch is about, if there is one."""
    names = {event.get("channel", "") for event in orjson.loads(batch.body)["events"]}
    prefix = organization_channel("")
    parsed = [parse_channel(name) for name in names]
    logical = {name.logical if name is not None else "" for name in parsed}
    if len(logical) != 1:
        return None
    (channel,) = logical
    return channel.removeprefix(prefix) if channel.startswith(prefix) else None


def _find(session: AnySession, letter: str, organization: str | None) -> BroadcastEvent | GivenUpWebhook:
    kind, _, identity = letter.partition("-")
    found: BroadcastEvent | GivenUpWebhook | None = None
    if kind == EVENT and identity.isascii() and identity.isdigit() and len(identity) < 19:
        found = session.scalar(_events(session, organization).where(BroadcastEvent.id == int(identity)))
    elif kind == WEBHOOK and identity.isprintable():
        found = session.scalar(_webhooks(organization).where(GivenUpWebhook.id == identity))
    if found is None:
        raise NoSuchLetter(letter)
    return found


def _events(session: AnySession, organization: str | None) -> Select[BroadcastEvent]:
    query = select(BroadcastEvent).where(BroadcastEvent.failure.is_not(None))
    return query if organization is None else query.where(_on_channels_of(session, organization))


def _on_channels_of(session: AnySession, organization: str) -> ColumnElement[bool]:
    """Of the organization's own channel, and those of its people and extensions."""
    users = session.scalars(select(User.id).where(User.organization_id == organization))
    extensions = session.scalars(select(Extension.id).where(Extension.organization_id == organization))
    private: Sequence[str] = [*(f"user.{one}" for one in users), *(f"extension.{one}" for one in extensions)]
    return or_(BroadcastEvent.channel == organization_channel(organization), BroadcastEvent.channel.in_(private))


def _webhooks(organization: str | None) -> Select[GivenUpWebhook]:
    query = select(GivenUpWebhook)
    return query if organization is None else query.where(GivenUpWebhook.organization_id == organization)


def _of_event(event: BroadcastEvent) -> Letter:
    return Letter(
        id=f"{EVENT}-{event.id}", kind=EVENT, target=event.channel, name=event.name, content=event.payload,
        reason=event.failure or "", attempts=event.attempts, created_at=event.created_at,
        failed_at=event.failed_at or event.created_at,
    )  # fmt: skip


def _of_webhook(webhook: GivenUpWebhook) -> Letter:
    return Letter(
        id=f"{WEBHOOK}-{webhook.id}", kind=WEBHOOK, target=shown(webhook.url), name=None,
        content=orjson.loads(webhook.body), reason=webhook.reason, attempts=webhook.attempts,
        failed_at=webhook.failed_at,
        created_at=datetime.fromtimestamp(webhook.time_ms / 1000, webhook.failed_at.tzinfo),
    )  # fmt: skip
