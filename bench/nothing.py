"""Endpoints that do nothing, for `ratio`: of an empty Flask application, and of the product with all its hooks."""

from flask import Flask, Response, jsonify

from opbx import create_app

PATH = "/api/nothing"


def _nothing() -> Response:
    return jsonify({})


def bare() -> Flask:
    return _with_nothing(Flask("nothing"))


def product() -> Flask:
    return _with_nothing(create_app())


def _with_nothing(app: Flask) -> Flask:
    app.add_url_rule(PATH, view_func=_nothing, methods=["GET", "POST"])
    return app
