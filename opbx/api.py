"""What all API views share: JSON by orjson (quick, strict about UTF-8, safe from deep nesting), the documented
blueprint that reads bodies with it, and bodies of bounded size.
"""

from typing import Any

import flask_smorest
import orjson
from flask import Flask, Request, request
from flask.json.provider import JSONProvider
from marshmallow import RAISE, Schema
from webargs.flaskparser import FlaskParser

from opbx.errors import refuse


class OrjsonProvider(JSONProvider):
    """What `jsonify` and `request.get_json` use."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:  # noqa: ARG002 - the formatting options of Flask's own provider
        return orjson.dumps(obj, option=orjson.OPT_NON_STR_KEYS).decode()  # errors within lists are by number

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:  # noqa: ARG002
        return orjson.loads(s)


def bound_bodies(app: Flask) -> None:
    """Refuse bodies longer than MAX_CONTENT_LENGTH also where they come in chunks.

    werkzeug refuses a length that is too large, but cuts off a body that comes without one, which views would take
    for a malformed one, or a form for a shorter one.
    """

    @app.before_request
    def read_chunks() -> None:
        limit = request.max_content_length
        if request.content_length is not None or limit is None:
            return
        # kept by the request, so that views and form parsers read it from there
        if len(request.get_data(parse_form_data=False)) >= limit:
            refuse(413, "REQUEST_ENTITY_TOO_LARGE", f"The body must be shorter than {limit} bytes.")


class BodyParser(FlaskParser):
    """Reads JSON bodies for the schemas of views, and says plainly what is wrong with a body that is none.

    A query parameter that a view does not know is refused: a misspelt filter must not look like one that matches all.
    """

    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {  # noqa: RUF012 - declared so by its base
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "query": RAISE,
    }

    def load_json(self, req: Request, schema: Schema) -> Any:  # noqa: ARG002
        if not req.is_json:
            refuse(415, "UNSUPPORTED_MEDIA_TYPE", "The body must be JSON, sent as application/json.")
        try:
            return orjson.loads(req.get_data())
        except orjson.JSONDecodeError as error:
            refuse(400, "MALFORMED_JSON", f"The body is not JSON: {error}.")


class Blueprint(flask_smorest.Blueprint):
    """A documented blueprint whose views get their JSON bodies from `BodyParser`."""

    ARGUMENTS_PARSER = BodyParser()
