"""Events: what a schema must look like, and what a payload must be to be stored."""

from collections.abc import Mapping
from typing import Any

import pytest
from marshmallow import Schema, fields
from marshmallow.validate import Range

from opbx.broadcasting.events import Event, InvalidPayload


class Inner(Schema):
    number = fields.Integer()


class Outer(Schema):
    text = fields.String(required=True)
    count = fields.Integer(validate=Range(min=0))
    inner = fields.List(fields.Nested(Inner))


class Anything(Event):
    name = "any"
    schema = Outer

    def __init__(self, **payload: Any) -> None:
        self._payload = payload

    def channel(self) -> str:
        return "presence.org.7"

    def payload(self) -> Mapping[str, Any]:
        return self._payload


def test_the_schema_dumps_the_payload() -> None:
    event = Anything(text="x", count="3", inner=[{"number": 1}])

    assert event.render() == {"text": "x", "count": 3, "inner": [{"number": 1}]}


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({}, "text"),
        ({"text": None}, "text"),
        ({"text": "x", "count": -1}, "count"),
        ({"text": "x", "count": "many"}, "_schema"),
        ({"text": "x", "other": 1}, "other"),
        ({"text": "x", "password": "p"}, "password"),
    ],
)
def test_what_the_schema_does_not_say_is_refused(payload: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidPayload) as raised:
        Anything(**payload).render()

    assert field in raised.value.errors


@pytest.mark.parametrize(
    "field",
    [
        {"password": fields.String()},
        {"webhook_secret": fields.String()},
        {"innocent": fields.String(data_key="api_key")},
        {"users": fields.List(fields.Nested(Schema.from_dict({"token_hash": fields.String()})))},
        {"anything": fields.Dict()},
        {"anything": fields.Raw()},
        {"sequence": fields.Integer()},
    ],
)
def test_a_schema_through_which_secrets_could_pass_is_refused_where_it_is_declared(field: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        type("Leaky", (Event,), {"name": "leaky", "schema": Schema.from_dict(field)})
