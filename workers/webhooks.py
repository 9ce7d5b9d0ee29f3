"""Tasks of the queue `webhooks`: taking events from the apps' queues, and sending them."""

from dataclasses import asdict, replace
from typing import Any

import structlog
from celery.exceptions import Reject
from kombu.exceptions import OperationalError
from redis import RedisError
from sqlalchemy.exc import SQLAlchemyError

from opbx.apps import Apps
from opbx.backplane import hooks
from opbx.backplane.connection import connect
from opbx.dead_letters import letters as dead_letters
from opbx.metrics.instruments import APP_WEBHOOKS
from opbx.settings import SettingsError
from opbx.webhooks.batches import SEND, Batch, shown
from opbx.webhooks.dispatch import Dispatcher
from opbx.webhooks.retry import Again, GiveUp
from opbx.webhooks.sending import Sender
from workers import app, sessions, settings

log = structlog.get_logger()

#: Seconds until a batch that could not be kept is looked at again.
_DATABASE_AWAY = 15

redis = connect(settings.redis_url, timeout=1.0)
apps = Apps.from_settings(settings)
dispatcher = Dispatcher(redis, lambda batch: app.send_task(SEND, kwargs=asdict(batch)))
sender = Sender(redis, apps)


@app.task(name="webhooks.dispatch")
def dispatch(app_id: str | None = None) -> None:
    """Queue what is ready to be sent, of one app or of all."""
    _read_apps()
    try:
        dispatcher.dispatch(one for one in apps if app_id in (None, one.id))
    except (RedisError, OperationalError) as error:
        log.warning("webhook events wait", error=repr(error))


@app.task(name=SEND, bind=True, max_retries=None)
def send(self: Any, /, **arguments: Any) -> None:
    """Send one batch, and again later what was not accepted now."""
    _read_apps()
    batch = Batch(**arguments)
    match sender.send(batch):
        case Again(after, tried):
            APP_WEBHOOKS.labels("again").inc()
            try:
                raise self.retry(kwargs=asdict(_counted(batch, tried)), countdown=after)
            except Reject as rejected:  # the broker was away for a moment: it is to hand out the task again
                raise Reject(str(rejected), requeue=True) from rejected
        case GiveUp(reason, tried):
            APP_WEBHOOKS.labels("given up").inc()
            log.error("webhook given up", app=batch.app_id, url=shown(batch.url), reason=reason, body=batch.body[:1000])
            try:
                with sessions() as session:
                    dead_letters.keep(session, _counted(batch, tried), reason, settings.pusher.app_id)
            except SQLAlchemyError as error:  # it is given up once more when the database is back
                raise self.retry(exc=error, countdown=_DATABASE_AWAY) from error
        case _:
            APP_WEBHOOKS.labels("sent").inc()
            _go_on(batch.app_id)


def _counted(batch: Batch, tried: bool) -> Batch:
    return replace(batch, attempts=batch.attempts + tried)


def _go_on(app_id: str) -> None:
    """Take at once what gathered while the endpoint was busy. Where that fails, the next second's dispatch does it."""
    try:
        if hooks.waiting(redis, [app_id]):
            dispatch.delay(app_id)
    except (RedisError, OperationalError) as error:
        log.debug("the next batch waits for the next dispatch", error=repr(error))


def _read_apps() -> None:
    try:
        if apps.refresh():
            log.info("apps read again")
    except SettingsError as error:
        log.error("apps stay as they were", error=str(error))  # noqa: TRY400 - the message says it all
