"""What an event is: a name, a channel, and a payload whose every field a schema has named."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, ClassVar

from marshmallow import RAISE, Schema, fields

#: Names that no field of a payload may have: whoever may join the channel reads the payload.
SECRET = re.compile(
    r"passw|secret|token|hash|credential|authorization|cookie|signature|(api|private|signing)_?key", re.I
)


class InvalidPayload(ValueError):
    """An event's payload is not what its schema says. Permanent: the same event fails again."""

    def __init__(self, event: str, errors: Mapping[str, Any]) -> None:
        super().__init__(f"{event}: {dict(errors)}")
        self.event = event
        self.errors = errors


class Event(ABC):
    """Something that happened, to be told to the subscribers of one channel.

    Subclasses say `name` (as clients listen for it, `call.initiated`), `schema`, `channel()` and `payload()`.
    The channel is the logical name, `presence.org.{id}`. The payload is a mapping of Python values that the
    schema dumps to JSON; a field that the schema does not name is an error, not silently left out.

    `sequence` is no field of the schema: the outbox numbers the event, and delivery adds the number.
    """

    name: ClassVar[str]
    schema: ClassVar[type[Schema]]

    def __init_subclass__(cls) -> None:
        """Refuse a schema through which something unnamed or secret could pass, when the class is defined."""
        super().__init_subclass__()
        schema = cls.__dict__.get("schema")
        if schema is None:
            return
        if "sequence" in schema().fields:
            raise TypeError(f"{cls.__name__}: `sequence` is given by the outbox, not by the payload")
        for name, field in _every_field(schema()):
            if SECRET.search(name):
                raise TypeError(f"{cls.__name__}: a field named `{name}` must not be broadcast")
            if type(field) in {fields.Raw, fields.Field, fields.Dict, fields.Mapping}:
                raise TypeError(f"{cls.__name__}: `{name}` would pass anything; name its fields in a nested schema")

    @abstractmethod
    def channel(self) -> str:
        """The channel's logical name."""

    @abstractmethod
    def payload(self) -> Mapping[str, Any]:
        """What the subscribers get, before the schema dumps it."""

    def render(self) -> dict[str, Any]:
        """The payload as it is stored: dumped by the schema, then validated. Raises `InvalidPayload`."""
        schema, known = _schema(type(self).schema)
        payload = self.payload()
        unknown = payload.keys() - known
        if unknown:
            raise InvalidPayload(self.name, {name: ["Unknown field."] for name in sorted(unknown)})
        try:
            dumped: dict[str, Any] = schema.dump(payload)
        except (ValueError, TypeError, AttributeError) as error:
            raise InvalidPayload(self.name, {"_schema": [str(error)]}) from error
        errors = schema.validate(dumped)
        if errors:
            raise InvalidPayload(self.name, errors)
        return dumped


@cache
def _schema(schema: type[Schema]) -> tuple[Schema, frozenset[str]]:
    """The schema, which costs more to build than an event to dump, and the names that it knows."""
    built = schema(unknown=RAISE)
    return built, frozenset(field.attribute or name for name, field in built.dump_fields.items())


def _every_field(schema: Schema) -> Iterator[tuple[str, fields.Field[Any]]]:
    for name, declared in schema.fields.items():
        field = declared
        while isinstance(field, fields.List):
            field = field.inner
        yield field.data_key or name, field
        yield name, field
        if isinstance(field, fields.Nested):
            yield from _every_field(field.schema)
