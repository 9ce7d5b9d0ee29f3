"""The Flask extensions of the web process, created once and bound to the application in `create_app`."""

from typing import TYPE_CHECKING

from flask import current_app
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

from opbx.database import Base
from opbx.pipeline import Transactions
from opbx.settings import Settings

db = SQLAlchemy(model_class=Base)
migrate = Migrate()
limiter = Limiter(key_func=get_remote_address)

#: What every model inherits. A type checker cannot look into `db.Model`, which is made at run time.
if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model


def current_settings() -> Settings:
    """The settings that the application at work was built with."""
    settings: Settings = current_app.config["OPBX"]
    return settings


def transactions() -> Transactions:
    """Those of the application at work."""
    found: Transactions = current_app.extensions["opbx_transactions"]
    return found
