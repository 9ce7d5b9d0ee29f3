"""A broker that hangs: webhooks are accepted all the same, and none waits for it for long."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import RedisServer
from tests.telephony.senders import CALL_INITIATED, CALL_STATUS, changed
from tests.telephony.test_processes import (
    Post,
    calls_of,
    check_outbox,
    make_sender,
    make_tables,
    post_at_once,
    reading,
    web,
)

pytestmark = pytest.mark.timeout(120)

#: Seconds that a request may wait for the broker.
LONGEST = 2.0


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.signal(signal.SIGCONT)
    server.kill()


def test_webhooks_do_not_wait_for_a_frozen_redis(redis_server: RedisServer, tmp_path: Path) -> None:
    database_url = f"sqlite:///{tmp_path / 'opbx.sqlite3'}"
    make_tables(database_url)
    domain = make_sender(database_url)

    def posts(round_number: int) -> list[Post]:
        names = [f"call-{round_number}-{number}" for number in range(16)]
        return [
            *(("call-initiated", changed(CALL_INITIATED, call_id=name, domain=domain)) for name in names),
            *(("call-status", changed(CALL_STATUS, call_id=name, domain=domain)) for name in names),
        ]

    with web(tmp_path, database_url, redis_server.url) as url:
        usual = max(answer.elapsed.total_seconds() for answer in post_at_once(url, posts(0)))
        redis_server.signal(signal.SIGSTOP)
        for number in (1, 2):
            answers = post_at_once(url, posts(number))
            assert {answer.status_code for answer in answers} == {200}
            assert max(answer.elapsed.total_seconds() for answer in answers) < LONGEST + usual
    with reading(database_url) as session:
        assert len(calls_of(session, domain)) == 48
        check_outbox(session, domain)
