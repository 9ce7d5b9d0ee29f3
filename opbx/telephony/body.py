"""Reads a webhook's body just far enough to see whose it says it is; nothing in it is believed yet."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import orjson
from flask import Request

from opbx.errors import refuse

#: Deeper payloads than any sender's are refused before anything walks through them.
MAX_DEPTH = 32
MAX_FORM_FIELDS = 100


@dataclass(frozen=True)
class Body:
    """The raw bytes, over which senders sign, and the one object in them."""

    raw: bytes
    payload: dict[str, Any]


def read_body(request: Request, *, forms: bool) -> Body:
    """The body of `request`; `forms` accepts it form-encoded too. Refuses with 400, 413 or 415."""
    is_form = request.mimetype == "application/x-www-form-urlencoded"
    if not request.is_json and not (forms and is_form):
        expected = "application/json" + (" or application/x-www-form-urlencoded" if forms else "")
        refuse(415, "UNSUPPORTED_MEDIA_TYPE", f"The body must be sent as {expected}.")
    raw = request.get_data(cache=False, parse_form_data=False)
    return Body(raw, _read_form(raw) if is_form else _read_json(raw))


def _read_json(raw: bytes) -> dict[str, Any]:
    try:
        payload = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        refuse(400, "MALFORMED_BODY", f"The body is not JSON: {error}.")
    if isinstance(payload, list) and len(payload) == 1:
        payload = payload[0]
    if not isinstance(payload, dict):
        refuse(400, "MALFORMED_BODY", "The body must be an object, or a list with one object in it.")
    if _depth_exceeds(payload, MAX_DEPTH):
        refuse(400, "MALFORMED_BODY", f"The body is nested deeper than {MAX_DEPTH} levels.")
    return payload


def _read_form(raw: bytes) -> dict[str, Any]:
    try:
        text = raw.decode("ascii")  # others come as %XX
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS, errors="strict"))
    except ValueError as error:
        refuse(400, "MALFORMED_BODY", f"The body is not a form: {error}.")


def _depth_exceeds(payload: Any, limit: int) -> bool:
    level = [payload]
    for _ in range(limit):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True
