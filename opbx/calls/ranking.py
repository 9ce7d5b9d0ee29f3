"""Which numbers were called most, and which extensions answered most, with their names from the directory."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, case, func, not_, or_, select

from opbx.calls.models import Call, CallDirection
from opbx.database import AnySession
from opbx.identity.models import DidNumber, Extension, User

#: How many are shown.
LIMIT = 10

#: Whether a call was answered, whatever became of it.
ANSWERED = or_(Call.answered_at.is_not(None), Call.duration > 0)

#: Whether it is not yet known if a call will be answered. Such a call is neither answered nor missed.
WAITING = and_(Call.ended_at.is_(None), not_(ANSWERED))

#: The organization's own number that was called; where the directory knows it not, the one that the sender told.
_CALLED = func.coalesce(
    Call.did,
    case((or_(Call.direction.is_(None), Call.direction == CallDirection.INBOUND), Call.to_number)),
)


def busiest_numbers(
    session: AnySession, organization_id: str, within: Sequence[ColumnElement[bool]]
) -> list[dict[str, Any]]:
    """Of the calls `within`, the numbers most called; calls that still wait are left out."""
    names = select(DidNumber.phone_number, DidNumber.friendly_name).where(DidNumber.organization_id == organization_id)
    return _ranked(session, _CALLED, within, lambda numbers: names.where(DidNumber.phone_number.in_(numbers)))


def busiest_extensions(
    session: AnySession, organization_id: str, within: Sequence[ColumnElement[bool]]
) -> list[dict[str, Any]]:
    """Of the calls `within`, the extensions with most calls; calls that still wait are left out."""
    names = (
        select(Extension.number, User.name)
        .outerjoin(User, User.id == Extension.user_id)
        .where(Extension.organization_id == organization_id)
    )
    return _ranked(session, Call.extension, within, lambda numbers: names.where(Extension.number.in_(numbers)))


def _ranked(
    session: AnySession, number: Any, within: Sequence[ColumnElement[bool]], names: Any
) -> list[dict[str, Any]]:
    counted: Select[Any] = (
        select(
            number.label("number"),
            func.count().label("total"),
            func.sum(case((ANSWERED, 1), else_=0)).label("answered"),
            func.sum(Call.duration).label("talk"),
        )
        .where(*within, not_(WAITING), number.is_not(None))
        .group_by(number)
        .order_by(func.count().desc(), number)
        .limit(LIMIT)
    )
    rows: Sequence[Row[Any]] = session.execute(counted).all()
    if not rows:
        return []
    known = {row[0]: row[1] for row in session.execute(names([row.number for row in rows]))}
    return [row._asdict() | {"name": known.get(row.number)} for row in rows]
