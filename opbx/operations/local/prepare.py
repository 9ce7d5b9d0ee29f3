"""`python -m opbx.operations.local.prepare`: the database at its newest revision, with the demo in it."""

import logging

import flask_migrate

from opbx import create_app
from opbx.database import write_transaction
from opbx.extensions import db
from opbx.identity.sealing import current_seal
from opbx.operations import access, demo
from opbx.settings import Settings


def main() -> None:
    settings = Settings.from_environment()
    app = create_app(settings)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    with app.app_context():
        flask_migrate.upgrade()
        with write_transaction(db.session):
            demo.seed(db.session, current_seal(), access.read(settings))


if __name__ == "__main__":
    main()
