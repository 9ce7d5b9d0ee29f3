"""How an organization's calls went in a period: outcomes, answer rate, waiting and talk time, at which hours."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Float, Integer, case, func, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from opbx.calls.models import Call, CallStatus
from opbx.calls.ranking import ANSWERED, WAITING, busiest_extensions, busiest_numbers
from opbx.database import AnySession

#: Local days of each named period, today included.
PERIODS = {"today": 1, "7d": 7, "30d": 30}

#: Longest period, in days, and the longest that is shown by the hour.
MAX_DAYS = 92
HOURLY_DAYS = 2

#: The database counts by quarter hours: the offset of every time zone in use is a multiple of one, so that
#: they add up to local hours and days without the database knowing time zones (SQLite knows none).
QUARTER = 900


@dataclass(frozen=True, kw_only=True)
class Period:
    """From `since`, inclusive, to `until`, exclusive; hours and days are those of `zone`."""

    since: datetime
    until: datetime
    zone: ZoneInfo

    @property
    def interval(self) -> str:
        return "hour" if self.until - self.since <= timedelta(days=HOURLY_DAYS) else "day"

    @classmethod
    def named(cls, name: str, zone: ZoneInfo, now: datetime) -> "Period":
        """One of `PERIODS`, which begins at a local midnight and ends now."""
        first = now.astimezone(zone).date() - timedelta(days=PERIODS[name] - 1)
        return cls(since=datetime.combine(first, time(), zone).astimezone(UTC), until=now, zone=zone)


class _QuarterHour(FunctionElement[int]):
    """Quarter hours since 1970 of a moment."""

    type = Integer()
    inherit_cache = True


class _Seconds(FunctionElement[float]):
    """Seconds from a first moment to a second."""

    type = Float()
    inherit_cache = True


@compiles(_QuarterHour, "sqlite")
def _quarter_hour_sqlite(element: _QuarterHour, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST(strftime('%s', {compiler.process(element.clauses, **options)}) AS INTEGER) / {QUARTER}"


@compiles(_QuarterHour, "postgresql")
def _quarter_hour_postgresql(element: _QuarterHour, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST(FLOOR(EXTRACT(EPOCH FROM {compiler.process(element.clauses, **options)}) / {QUARTER}) AS INTEGER)"


@compiles(_Seconds, "sqlite")
def _seconds_sqlite(element: _Seconds, compiler: SQLCompiler, **options: Any) -> str:
    first, second = (compiler.process(clause, **options) for clause in element.clauses)
    return f"(julianday({second}) - julianday({first})) * 86400.0"


@compiles(_Seconds, "postgresql")
def _seconds_postgresql(element: _Seconds, compiler: SQLCompiler, **options: Any) -> str:
    first, second = (compiler.process(clause, **options) for clause in element.clauses)
    return f"CAST(EXTRACT(EPOCH FROM {second} - {first}) AS DOUBLE PRECISION)"


def summarize(session: AnySession, organization_id: str, period: Period) -> dict[str, Any]:
    """The figures of the calls that began in `period`, as `StatisticsSchema` describes them."""
    within = (
        Call.organization_id == organization_id,
        Call.initiated_at >= period.since,
        Call.initiated_at < period.until,
    )
    rows = [row._asdict() for row in session.execute(_quarters(within))]
    total: dict[str, Any] = {name: sum(row[name] for row in rows) for name in _figures()}
    return {
        "from": period.since,
        "to": period.until,
        "timezone": period.zone.key,
        "totals": {name: total[name] for name in ("total", "active", "answered", *_OUTCOMES)},
        "answer_rate": _ratio(total["answered"], _decided(total), digits=4),
        "average_wait": _ratio(total["wait"], total["with_wait"], digits=1),
        "average_talk": _ratio(total["talk"], total["completed"], digits=1),
        "interval": period.interval,
        "series": list(_series(rows, period)),
        "hours": _hours(rows, period.zone),
        "busiest_numbers": busiest_numbers(session, organization_id, within),
        "busiest_extensions": busiest_extensions(session, organization_id, within),
    }


_OUTCOMES = {
    "completed": CallStatus.COMPLETED,
    "busy": CallStatus.BUSY,
    "no_answer": CallStatus.NO_ANSWER,
    "failed": CallStatus.FAILED,
}


def _figures() -> dict[str, ColumnElement[Any]]:
    """What is summed up over the calls, by name."""

    def count(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.sum(case((condition, 1), else_=0))

    waited = _Seconds(Call.initiated_at, Call.answered_at)
    return {
        "total": func.count(),
        "active": count(Call.ended_at.is_(None)),
        "waiting": count(WAITING),
        "answered": count(ANSWERED),
        "with_wait": count(Call.answered_at.is_not(None)),
        "wait": func.sum(case((Call.answered_at.is_not(None), waited), else_=0.0)),
        "talk": func.sum(case((Call.status == CallStatus.COMPLETED, Call.duration), else_=0)),
        **{name: count(Call.status == status) for name, status in _OUTCOMES.items()},
    }


def _quarters(within: Sequence[ColumnElement[bool]]) -> Any:
    quarter = _QuarterHour(Call.initiated_at).label("quarter")
    return (
        select(quarter, *(figure.label(name) for name, figure in _figures().items())).where(*within).group_by(quarter)
    )


def _decided(row: dict[str, Any]) -> int:
    """How many calls no longer wait: whatever is not answered of these has been missed."""
    return int(row["total"] - row["waiting"])


def _hours(rows: list[dict[str, Any]], zone: ZoneInfo) -> list[dict[str, Any]]:
    """The 24 hours of a local day, with the calls of all days in them, but for those that still wait."""
    hours = [{"hour": hour, "total": 0, "answered": 0} for hour in range(24)]
    for row in rows:
        hour = hours[datetime.fromtimestamp(row["quarter"] * QUARTER, zone).hour]
        hour["total"] += _decided(row)
        hour["answered"] += row["answered"]
    return hours


def _series(rows: list[dict[str, Any]], period: Period) -> Iterator[dict[str, Any]]:
    """Every local hour or day of the period in order, those without calls too; calls that still wait are left out."""
    counted: dict[datetime, tuple[int, int]] = {}
    for row in rows:
        start = _start(datetime.fromtimestamp(row["quarter"] * QUARTER, UTC), period)
        total, answered = counted.get(start, (0, 0))
        counted[start] = (total + _decided(row), answered + row["answered"])
    # stepping by an hour in UTC meets every local hour and day, also where clocks are changed
    moment, last = _start(period.since, period), None
    while moment < period.until:
        start = _start(moment, period)
        if start != last:
            total, answered = counted.get(start, (0, 0))
            yield {"start": start, "total": total, "answered": answered}
        last, moment = start, moment + timedelta(hours=1)


def _start(moment: datetime, period: Period) -> datetime:
    """When the local hour or day of `moment` began, in UTC."""
    local = moment.astimezone(period.zone)
    if period.interval == "day":
        return datetime.combine(local.date(), time(), period.zone).astimezone(UTC)
    return (local - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)).astimezone(
        UTC
    )


def _ratio(part: float | int, whole: int, *, digits: int) -> float | None:
    return round(float(part) / whole, digits) if whole else None
