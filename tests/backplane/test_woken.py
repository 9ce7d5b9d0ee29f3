"""Channels that were woken are seen to wait until a worker takes them."""

from typing import Any

from redis import Redis

from opbx.apps import Apps
from opbx.broadcasting.wakes import TAKEN, Wakes
from opbx.operations.metrics import backlog
from opbx.settings import Settings


class IdleQueue:
    """A queue that nobody works on."""

    def __init__(self) -> None:
        self.depth = 0

    def send_task(self, _name: str) -> None:
        self.depth += 1


def test_what_waits_for_a_worker_is_shown_though_one_task_is_queued(redis: Redis, settings: Settings) -> None:
    idle: Any = IdleQueue()
    wakes = Wakes(redis, idle)
    ask = backlog.redis(redis, Apps.from_settings(settings))

    def shown() -> float:
        return next(family.samples[0].value for family in ask() if family.name == "opbx_channels_woken")

    assert shown() == 0
    wakes.wake([f"presence.org.{number}" for number in range(TAKEN)])
    assert shown() == TAKEN
    wakes.wake([f"presence.org.{number}" for number in range(3 * TAKEN)])
    assert shown() == 3 * TAKEN
    rounds = wakes.rounds()
    next(rounds)
    assert shown() == 2 * TAKEN
    assert sum(len(taken) for taken in rounds) == 2 * TAKEN
    assert shown() == 0
