"""The retry policy: a decision from the error and the number of tries."""

import pytest
from redis.exceptions import ConnectionError as RedisDown
from redis.exceptions import TimeoutError as RedisSlow
from sqlalchemy.exc import IntegrityError, OperationalError

from opbx.broadcasting.retry import Again, Leave, RetryPolicy

REASON = Exception("why")


def policy(tries: int = 3) -> RetryPolicy:
    return RetryPolicy(tries, jitter=lambda _low, high: high)


@pytest.mark.parametrize("error", [RedisDown(), RedisSlow(), OperationalError("", {}, REASON)])
def test_what_may_pass_is_tried_again(error: Exception) -> None:
    assert policy().decide(error, 1) == Again(0.5)
    assert policy().decide(error, 2) == Again(1.0)
    assert policy().decide(error, 3) == Leave("tries exhausted")


@pytest.mark.parametrize("error", [ValueError(), IntegrityError("", {}, REASON)])
def test_what_will_fail_again_is_not(error: Exception) -> None:
    assert policy().decide(error, 1) == Leave("permanent")


def test_a_lost_connection_passes() -> None:
    assert policy().decide(IntegrityError("", {}, REASON, connection_invalidated=True), 1) == Again(0.5)


def test_waits_have_a_limit_and_are_spread() -> None:
    assert policy(tries=20).decide(RedisDown(), 15) == Again(10.0)
    waits = {RetryPolicy(3).decide(RedisDown(), 2) for _ in range(20)}
    assert len(waits) > 10
    assert all(isinstance(again, Again) and 0.5 <= again.after <= 1.0 for again in waits)
