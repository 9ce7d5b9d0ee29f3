"""docs/asyncapi.yaml: valid AsyncAPI, and true: its fields are those of the events that the product sends."""

import json
from typing import Any

import jsonschema_rs
import pytest
import yaml
from marshmallow import fields

from opbx.calls.events import EVENTS
from opbx.identity.models import Role
from opbx.pusher import messages
from opbx.settings import ROOT

_SPEC: dict[str, Any] = yaml.safe_load((ROOT / "docs/asyncapi.yaml").read_text())
_MESSAGES = {message["name"]: message for message in _SPEC["components"]["messages"].values()}
_SCHEMAS = _SPEC["components"]["schemas"]
_EVENTS = {event.name: event for event in EVENTS.values()}


def _payload(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = _SCHEMAS[_MESSAGES[name]["payload"]["$ref"].rpartition("/")[2]]
    return schema


def _examples() -> list[Any]:
    return [
        pytest.param(name, example["payload"], id=f"{name} {example['name']}")
        for name, message in _MESSAGES.items()
        for example in message["examples"]
    ]


def test_it_is_asyncapi() -> None:
    official = json.loads((ROOT / "tests/clients/node_modules/@asyncapi/specs/schemas/3.0.0.json").read_text())
    errors = [str(error) for error in jsonschema_rs.validator_for(official).iter_errors(_SPEC)]
    assert errors == []
    assert list(jsonschema_rs.validator_for(official).iter_errors({**_SPEC, "channels": []})), "it accepts anything"


def test_it_has_every_call_event() -> None:
    assert {name for name in _MESSAGES if name.startswith("call.")} == _EVENTS.keys()


@pytest.mark.parametrize(("name", "payload"), _examples())
def test_examples_are_what_they_are_examples_of(name: str, payload: dict[str, Any]) -> None:
    errors = [str(error) for error in jsonschema_rs.validator_for(_payload(name)).iter_errors(payload)]
    assert errors == []


@pytest.mark.parametrize(("name", "payload"), [example for example in _examples() if "call." in example.id])
def test_examples_of_call_events_pass_the_schema_by_which_they_are_sent(name: str, payload: dict[str, Any]) -> None:
    without = {field: value for field, value in payload.items() if field != "sequence"}  # delivery adds it
    assert _EVENTS[name].schema().validate(without) == {}


@pytest.mark.parametrize("name", sorted(_EVENTS))
def test_fields_are_those_of_the_product(name: str) -> None:
    described, schema = _payload(name), _EVENTS[name].schema()
    assert described["properties"].keys() == schema.fields.keys() | {"sequence"}
    for field_name, field in schema.fields.items():
        assert _types(field) <= set(_listed(described["properties"][field_name]["type"])), field_name


def test_what_is_always_there_is() -> None:
    """Where the product's schema leaves a field out only while it is not known, every event of this name has it."""
    for name, event in _EVENTS.items():
        required = {field for field, one in event.schema().fields.items() if one.required} | {"sequence"}
        assert required <= set(_payload(name)["required"]), name


def test_roles_and_the_resync_are_those_of_the_product() -> None:
    role = _payload("pusher_internal:member_added")["properties"]["user_info"]["properties"]["role"]
    assert set(role["enum"]) == {role.value for role in Role}
    assert json.loads(messages.resync("c"))["event"] in _MESSAGES
    assert json.loads(json.loads(messages.resync("c"))["data"]) == {}


def _types(field: fields.Field[Any]) -> set[str]:
    kind = "integer" if isinstance(field, fields.Integer) else "string"
    return {kind, "null"} if field.allow_none and field.required else {kind}


def _listed(kind: str | list[str]) -> list[str]:
    return [kind] if isinstance(kind, str) else kind
