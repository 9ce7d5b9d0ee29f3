"""The workers' Celery application: `celery -A workers worker|beat|flower`.

Tasks are thin. What they do is in `opbx`; here it gets the process's settings, database and queue.
"""

import sys
from typing import Any

from celery.signals import setup_logging
from sqlalchemy.orm import Session, sessionmaker

from opbx.broadcasting.outbox import wake_after_commit
from opbx.broadcasting.wakes import create_wakes
from opbx.database import open_engine
from opbx.operations import logs, outages
from opbx.pipeline import Transactions
from opbx.queue import create_queue
from opbx.settings import VAR, Settings

settings = Settings.from_environment()
if "flower" in sys.argv:  # Flower has no signal of its own, and without a password it opens to everybody
    settings.refuse_open_flower()

app = create_queue(settings)
app.conf.imports = (
    "workers.broadcasts",
    "workers.maintenance",
    "workers.webhooks",
    "workers.memory",
    "workers.metrics",
    "workers.trails",
)

# Nothing of this connects before it is used, so beat and flower, and a pool that forks, can share the module.
engine = open_engine(settings.database_url)
sessions: sessionmaker[Session] = sessionmaker(engine)
transactions = Transactions(engine)
wakes = create_wakes(settings, app)
wake_after_commit(transactions, wakes.wake)


@setup_logging.connect
def _log_like_the_web_process(**_: Any) -> None:
    logs.configure(settings)
    outages.tell_briefly()


VAR.mkdir(exist_ok=True)  # for beat's schedule
