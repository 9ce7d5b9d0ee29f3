"""The calls of an organization, newest first, filtered, page by page or all of them."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, Row, Select, and_, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from opbx.calls.models import Call, CallDirection, CallStatus
from opbx.database import AnySession
from opbx.identity.models import DidNumber, Extension


class InvalidCursor(ValueError):
    """A cursor is not one that this listing gave out. Permanent."""


@dataclass(frozen=True, kw_only=True)
class CallFilter:
    """Which calls; an empty field asks for all. `extension` and `did` are an id or a number."""

    status: Sequence[CallStatus] = ()
    direction: CallDirection | None = None
    number: str | None = None  # of either side
    extension: str | None = None
    did: str | None = None
    since: datetime | None = None  # of `initiated_at`, inclusive
    until: datetime | None = None  # exclusive


@dataclass(frozen=True, kw_only=True)
class Page:
    calls: Sequence[Call]
    next_cursor: str | None  # None on the last page


def list_calls(
    session: AnySession, organization_id: str, wanted: CallFilter, *, limit: int, cursor: str | None = None
) -> Page:
    """One page. Raises `InvalidCursor`.

    The cursor is the last call's place in the order and not a count, so that new calls move no page.
    """
    after = _read_cursor(cursor) if cursor is not None else None
    calls = session.scalars(_selected(select(Call), organization_id, wanted, after).limit(limit + 1)).all()
    more = len(calls) > limit
    return Page(calls=calls[:limit], next_cursor=_cursor(calls[limit - 1]) if more else None)


def each_batch(
    session: AnySession,
    organization_id: str,
    wanted: CallFilter,
    columns: Sequence[InstrumentedAttribute[Any]],
    size: int = 1000,
) -> Iterator[Sequence[Row[Any]]]:
    """`columns` of all calls, `size` at a time. Each batch is a transaction of its own, however long it takes."""
    after: tuple[datetime, str] | None = None
    while True:
        query = select(*columns, Call.initiated_at, Call.id)
        rows = session.execute(_selected(query, organization_id, wanted, after).limit(size)).all()
        session.rollback()
        yield rows
        if len(rows) < size:
            return
        after = rows[-1][-2], rows[-1][-1]


def find_call(session: AnySession, organization_id: str, identity: str) -> Call | None:
    """The organization's call with this id of ours, or else with this call id of its sender's."""
    identities = [Call.call_id == identity]
    if canonical := _uuid(identity):
        identities.append(Call.id == canonical)
    query = select(Call).where(Call.organization_id == organization_id, or_(*identities))
    calls = session.scalars(query).all()
    return next((call for call in calls if call.id == canonical), calls[0] if calls else None)


def _selected(
    query: Select[Any], organization_id: str, wanted: CallFilter, after: tuple[datetime, str] | None
) -> Select[Any]:
    query = query.where(Call.organization_id == organization_id, *_conditions(organization_id, wanted))
    if after is not None:
        moment, identity = after
        query = query.where(
            Call.initiated_at <= moment,  # implied by the next line, but an index can start from it
            or_(Call.initiated_at < moment, and_(Call.initiated_at == moment, Call.id < identity)),
        )
    return query.order_by(Call.initiated_at.desc(), Call.id.desc())


def _conditions(organization_id: str, wanted: CallFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.status:
        conditions.append(Call.status.in_(wanted.status))
    if wanted.direction:
        conditions.append(Call.direction == wanted.direction)
    if wanted.number:
        spellings = _spellings(wanted.number)
        conditions.append(or_(Call.from_number.in_(spellings), Call.to_number.in_(spellings)))
    if wanted.extension:
        named = _named(Extension.id, Extension.number, wanted.extension)
        extensions = select(Extension.id).where(Extension.organization_id == organization_id, named)
        conditions.append(Call.extension_id.in_(extensions))
    if wanted.did:
        named = _named(DidNumber.id, DidNumber.phone_number, wanted.did)
        numbers = select(DidNumber.id).where(DidNumber.organization_id == organization_id, named)
        conditions.append(Call.did_id.in_(numbers))
    if wanted.since:
        conditions.append(Call.initiated_at >= wanted.since)
    if wanted.until:
        conditions.append(Call.initiated_at < wanted.until)
    return conditions


def _named(identity: InstrumentedAttribute[str], number: InstrumentedAttribute[str], text: str) -> ColumnElement[bool]:
    canonical = _uuid(text)
    return identity == canonical if canonical else number.in_(_spellings(text))


def _spellings(number: str) -> list[str]:
    """The number with its plus and without."""
    bare = number.removeprefix("+")
    return [bare, f"+{bare}"]


def _uuid(text: str) -> str | None:
    try:
        return str(UUID(text))
    except ValueError:
        return None


def _cursor(call: Call) -> str:
    return urlsafe_b64encode(orjson.dumps([call.initiated_at, call.id])).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[datetime, str]:
    try:
        moment, identity = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        read = datetime.fromisoformat(moment), str(UUID(identity))
    except (ValueError, TypeError, AttributeError) as error:
        raise InvalidCursor("not a cursor of this listing") from error
    if read[0].tzinfo is None:
        raise InvalidCursor("not a cursor of this listing")
    return read
