"""A statement compiled once for each database, and its values on their way to PostgreSQL and back.

Values travel as text. That leaves out what these statements do not need: types other than those below, and parameters
whose number changes from one execution to the next (an `IN` list).
"""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from itertools import count
from typing import Any

import orjson
from sqlalchemy import Boolean, Enum, Integer, LargeBinary
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.sql import ClauseElement
from sqlalchemy.types import JSON, TypeEngine

from opbx.database import UtcDateTime

_DIALECT = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]  # how libpq numbers parameters
_numbers = count(1)


class Statement:
    """A Core statement with named parameters; a mapping where the databases need different ones.

    SQLite may need several in place of one: they run in order, and the last one's rows are the reply.
    """

    def __init__(self, core: Any) -> None:
        self._core = core

    def core(self, database: str) -> tuple[Any, ...]:
        """The statements for SQLAlchemy to execute."""
        core = self._core[database] if isinstance(self._core, Mapping) else self._core
        return core if isinstance(core, tuple) else (core,)

    @cached_property
    def compiled(self) -> "Compiled":
        """The statement for PostgreSQL."""
        (core,) = self.core("postgresql")
        return Compiled(core)


class Compiled:
    """PostgreSQL's text of a statement, the name to prepare it under, and how its rows are read."""

    def __init__(self, core: ClauseElement) -> None:
        compiled = core.compile(dialect=_DIALECT)
        self.text = str(compiled).encode()
        self.name = f"opbx_{next(_numbers)}".encode()
        self._parameters: Sequence[str] = compiled.positiontup or ()  # type: ignore[attr-defined]
        self._constants = {
            name: _written(bound.value)
            for name, bound in compiled.binds.items()  # type: ignore[attr-defined]
            if not bound.required
        }
        columns = [(column.key, column.type) for column in getattr(core, "exported_columns", ())]
        self._readers = [_reader(type_) for _, type_ in columns]
        self._row: Any = namedtuple("Row", [name for name, _ in columns], rename=True)  # type: ignore[misc]

    def bind(self, parameters: Mapping[str, Any]) -> list[bytes | None]:
        """The values in the order of the text's numbers. Raises `KeyError` for one that is missing."""
        constants = self._constants
        return [constants[name] if name in constants else _written(parameters[name]) for name in self._parameters]

    def row(self, values: Sequence[bytes | None]) -> Any:
        """A named tuple of the values that PostgreSQL has sent."""
        return self._row._make(
            None if value is None else read(value) for read, value in zip(self._readers, values, strict=True)
        )


def _written(value: Any) -> bytes | None:
    if value is None:
        return None
    kind = type(value)
    return (_WRITERS.get(kind) or _writer(kind))(value)


def _time(value: datetime) -> bytes:
    if value.tzinfo is None:
        raise ValueError("a naive datetime has no place in the database: give it a zone")
    return value.isoformat().encode()


_WRITERS: dict[type, Callable[[Any], bytes]] = {
    str: str.encode,
    bool: lambda value: b"t" if value else b"f",
    int: lambda value: b"%d" % value,
    datetime: _time,
    bytes: lambda value: b"\\x" + value.hex().encode(),
    dict: orjson.dumps,
    list: orjson.dumps,
}


def _writer(kind: type) -> Callable[[Any], bytes]:
    """Of a subclass, such as a `StrEnum`."""
    for base in kind.__mro__:
        if base in _WRITERS:
            _WRITERS[kind] = _WRITERS[base]
            return _WRITERS[base]
    raise TypeError(f"{kind.__name__} is no type that a statement of the pipeline takes")


def _reader(type_: TypeEngine[Any]) -> Callable[[bytes], Any]:
    if isinstance(type_, Enum):
        return {member.value.encode(): member for member in type_.enum_class or ()}.__getitem__
    for kind, read in _READERS:
        if isinstance(type_, kind):
            return read
    return bytes.decode


_READERS: tuple[tuple[type[TypeEngine[Any]], Callable[[bytes], Any]], ...] = (
    (UtcDateTime, lambda value: datetime.fromisoformat(value.decode()).astimezone(UTC)),
    (Boolean, lambda value: value == b"t"),
    (Integer, int),
    (JSON, orjson.loads),
    (LargeBinary, lambda value: bytes.fromhex(value[2:].decode())),
)
