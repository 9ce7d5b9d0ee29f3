"""The Lua scripts, as calls that can be sent alone or many in one round trip."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from secrets import token_hex
from typing import Any, ClassVar
from weakref import WeakSet

from hiredis import pack_command
from redis import Redis
from redis.exceptions import (
    AskError,
    ClusterDownError,
    MovedError,
    NoScriptError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeout

from opbx.backplane.cluster import Cluster, as_cluster

_FOLDER = Path(__file__).parent / "lua"


def _read(name: str, *, emits: bool) -> str:
    source = (_FOLDER / f"{name}.lua").read_text()
    return (_FOLDER / "emit.lua").read_text() + source if emits else source


@dataclass(frozen=True, slots=True)
class Script:
    """A script's source and the digest by which Redis knows it."""

    source: str
    sha: str

    all: ClassVar[list["Script"]] = []

    @classmethod
    def load(cls, name: str, *, emits: bool = False) -> "Script":
        source = _read(name, emits=emits)
        script = cls(source, hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest())
        cls.all.append(script)
        return script


PUBLISH = Script.load("publish", emits=True)
JOIN = Script.load("join", emits=True)
LEAVE = Script.load("leave", emits=True)
SINCE = Script.load("since")
RESUME = Script.load("resume")
CACHED = Script.load("cached")
OCCUPY = Script.load("occupy", emits=True)
ADMIT = Script.load("admit")
TAKE = Script.load("take")
TAKE_WOKEN = Script.load("take_woken")
PRESENT = Script.load("present")
ENQUEUE = Script.load("enqueue")
CLAIM = Script.load("claim")
RELEASE = Script.load("release")
LEASE = Script.load("lease")
CLOCK = Script.load("clock")
ENROL = Script.load("enrol")
WITHDRAW = Script.load("withdraw")


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a script. All scripts here may be called again after a failure without harm."""

    script: Script
    keys: tuple[str, ...]
    arguments: tuple[str | bytes | int, ...]

    @property
    def subject(self) -> str:
        """What it is about: the `app:channel`, whether its keys have that as hash tag or it is put into a set."""
        if self.script in (ENROL, WITHDRAW):
            return str(self.arguments[0])
        return self.keys[0].partition("{")[2].rpartition("}")[0] or self.keys[0]


_LIFE = token_hex(6)
_lives = count()


def new_epoch() -> str:
    """The name of a new life of a channel's head, in case the script finds none: given out once, by nobody else."""
    return f"{_LIFE}-{next(_lives):x}"


def run(redis: Redis, calls: list[Call], connection: Any = None) -> list[Any]:
    """Run `calls` in order in one round trip and return their answers.

    Over a connection of the pool, or over `connection`, for whoever makes so many that taking and checking one counts.
    Raises the first `redis.RedisError`; all calls may have been carried out or none, and repeating them is safe.
    On a cluster it is a round trip for each of its servers, or a few.
    """
    cluster = as_cluster(redis)
    if cluster is not None:
        return _run_on_cluster(cluster, calls)
    if redis not in _prepared:
        _load(redis)
        _prepared.add(redis)
    answers = _run(redis, calls, connection)
    lost = [number for number, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
    if lost:
        # The server is a new one, or was flushed. It knows all scripts or none, so what it did not carry out is
        # the end of the list, and carrying that out now keeps the order.
        _load(redis)
        again = _run(redis, [calls[number] for number in lost], connection)
        for number, answer in zip(lost, again, strict=True):
            answers[number] = answer
    for answer in answers:
        if isinstance(answer, RedisError):
            raise answer
    return answers


def _run_on_cluster(cluster: Cluster, calls: list[Call]) -> list[Any]:
    answers: list[Any] = [None] * len(calls)
    try:
        for wave in _in_waves(calls, cluster.server):
            for server, numbers in wave.items():
                for number, answer in zip(numbers, run(server, [calls[n] for n in numbers]), strict=True):
                    answers[number] = answer
    except (MovedError, AskError, ClusterDownError, ReadOnlyError, RedisConnectionError, RedisTimeout) as error:
        cluster.look_again()
        raise RedisConnectionError(f"the cluster is changing: {error}") from error
    return answers


def _in_waves(calls: list[Call], server: Callable[[str], Redis]) -> list[dict[Redis, list[int]]]:
    """The calls' numbers, by server, in waves to be carried out one after the other.

    A channel's keys share a hash tag and lie on one server; a node's set of channels may lie on another. The calls of
    a channel keep their order all the same: a reaper must find whatever a node holds, so a node's set has a channel
    before the channel has its members, and as long.
    """
    waves: list[dict[Redis, list[int]]] = []
    last: dict[str, tuple[int, Redis]] = {}
    for number, call in enumerate(calls):
        here = server(call.keys[0])
        wave, before = last.get(call.subject, (0, here))
        wave += before is not here
        last[call.subject] = (wave, here)
        if wave == len(waves):
            waves.append({})
        waves[wave].setdefault(here, []).append(number)
    return waves


#: Clients whose server has been given all scripts, at least once.
_prepared: WeakSet[Redis] = WeakSet()


def _load(redis: Redis) -> None:
    pipeline = redis.pipeline(transaction=False)
    for script in Script.all:
        pipeline.script_load(script.source)
    pipeline.execute()


def _run(redis: Redis, calls: list[Call], own: Any) -> list[Any]:
    """The answers, errors of single calls among them."""
    # What a pipeline of redis-py does, without its bookkeeping for each command: a fifth of a publish's time.
    packed = b"".join(map(_pack, calls))
    connection: Any = own or redis.connection_pool.get_connection()

    def attempt() -> list[Any]:
        connection.connect()  # by itself, sending would not ask the sentinels where to
        connection.send_packed_command([packed], check_health=False)
        return [_answer(connection) for _ in calls]

    try:
        answers: list[Any] = connection.retry.call_with_retry(attempt, lambda _error: connection.disconnect())
        return answers
    except BaseException:
        connection.disconnect()  # answers that nobody reads any more may still come
        raise
    finally:
        if connection is not own:
            redis.connection_pool.release(connection)


def _pack(call: Call) -> bytes:
    command: tuple[Any, ...] = ("EVALSHA", call.script.sha, len(call.keys), *call.keys, *call.arguments)
    packed: bytes = pack_command(command)
    return packed


def _answer(connection: Any) -> Any:
    try:
        return connection.read_response()
    except ResponseError as error:
        return error
