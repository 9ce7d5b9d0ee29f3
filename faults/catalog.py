"""The faults: how each is put into the running system, and taken out again."""

import json
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from uuid import uuid4

import celery
import redis

from faults.proxy import Line
from faults.senders import Senders
from faults.system import APP_ID, RELAYS, WORKERS, System

#: Slow tasks put into the queue at once.
SLOW_TASKS = 400

#: Seconds that a sender's clock may be wrong by: within what a signature's timestamp may be.
STEPS = (-280.0, -60.0, 45.0, 280.0)


@dataclass(frozen=True)
class Scene:
    """What faults are put into."""

    system: System
    senders: Senders
    rng: random.Random


#: Takes a fault out; None for one that is over as soon as it was put in.
Lift = Callable[[], None] | None

#: Puts a fault in, and returns how it is taken out.
Inject = Callable[[Scene], Lift]


@dataclass(frozen=True)
class Fault:
    """`target` is what it hits: two faults of one target are not put in at once."""

    name: str
    target: str
    inject: Inject


def _one_of(kind: str, scene: Scene) -> str:
    count = {"relay": RELAYS, "worker": WORKERS}.get(kind)
    return kind if count is None else f"{kind}{scene.rng.randrange(count)}"


def _kill(kind: str) -> Fault:
    def inject(scene: Scene) -> Lift:
        scene.system.processes.kill(_one_of(kind, scene))
        return None

    return Fault(f"kill -9 {kind}", kind, inject)


def _freeze(kind: str) -> Fault:
    def inject(scene: Scene) -> Lift:
        name, processes = _one_of(kind, scene), scene.system.processes
        processes.freeze(name)
        return lambda: processes.thaw(name)

    return Fault(f"SIGSTOP {kind}", kind, inject)


def _stop(kind: str) -> Fault:
    def inject(scene: Scene) -> Lift:
        scene.system.processes.stop(kind)
        return lambda: scene.system.processes.start(kind)

    return Fault(f"{kind} stopped", kind, inject)


def _restart(kind: str) -> Fault:
    def inject(scene: Scene) -> Lift:
        scene.system.processes.stop(kind)
        scene.system.processes.start(kind)
        return None

    return Fault(f"{kind} restarted", kind, inject)


def _redis_restart(name: str, *, keep: bool, age: float = 0.0) -> Fault:
    """Redis ends with all its data saved, or with what it had `age` seconds ago, or with none."""

    def inject(scene: Scene) -> Lift:
        system = scene.system
        dump = Path(system.folder) / "dump.rdb"
        if keep and age:
            with system.redis_client() as client:
                client.save()
            time.sleep(age)
            system.processes.stop("redis", lambda: _shut_down(system, save=False))
        else:
            system.processes.stop("redis", lambda: _shut_down(system, save=keep))
        system.processes.start("redis")
        dump.unlink(missing_ok=True)
        return None

    return Fault(name, "redis", inject)


def _shut_down(system: System, *, save: bool) -> None:
    with system.redis_client() as client, suppress(redis.RedisError):
        client.shutdown(save=save, nosave=not save)


def _flush(scene: Scene) -> Lift:
    with scene.system.redis_client() as client:
        client.flushall()
    return None


def _line(name: str, line: Line) -> Fault:
    def inject(scene: Scene) -> Lift:
        proxy = scene.rng.choice(scene.system.proxies)
        proxy.set(line)
        return lambda: proxy.set(Line.OPEN)

    return Fault(name, "network", inject)


def _slow_tasks(scene: Scene) -> Lift:
    receiver = scene.system.receiver
    receiver.slow.set()
    body = json.dumps({"time_ms": int(time.time() * 1000), "events": []})
    with celery.Celery(broker=scene.system.redis.url, set_as_current=False) as queue:
        for _ in range(SLOW_TASKS):
            batch = {"id": uuid4().hex, "app_id": APP_ID, "url": receiver.url, "body": body}
            now = int(time.time() * 1000)
            queue.send_task("webhooks.send", kwargs={**batch, "time_ms": now}, queue="webhooks")
    return receiver.slow.clear


def _clock_steps(scene: Scene) -> Lift:
    over = Event()

    def step() -> None:
        while not over.wait(0.7):
            scene.senders.offset = scene.rng.choice(STEPS)

    thread = Thread(target=step, name="clock steps", daemon=True)
    thread.start()

    def right() -> None:
        over.set()
        thread.join()
        scene.senders.offset = 0.0

    return right


KINDS = ("web", "relay", "worker", "beat", "redis", "postgres")

FAULTS: tuple[Fault, ...] = (
    Fault("none", "none", lambda _: None),
    *(_kill(kind) for kind in KINDS),
    *(_freeze(kind) for kind in KINDS),
    _stop("redis"),
    _redis_restart("redis restarted with its data", keep=True),
    _redis_restart("redis restarted with data 2 s old", keep=True, age=2.0),
    _redis_restart("redis restarted without data", keep=False),
    Fault("FLUSHALL", "redis", _flush),
    _stop("postgres"),
    _restart("postgres"),
    Fault("queue full of slow tasks", "queue", _slow_tasks),
    Fault("sender's clock steps", "clock", _clock_steps),
    _line("relay cut off from redis", Line.CUT),
    _line("relay and redis: nothing arrives", Line.HELD),
    _line("relay and redis: 200 ms late", Line.SLOW),
)
