"""The Lua scripts, as calls that can be sent alone or many in one round trip."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any, ClassVar
from weakref import WeakSet

from redis import Redis
from redis.exceptions import NoScriptError, RedisError

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
PRESENT = Script.load("present")
ENQUEUE = Script.load("enqueue")
CLAIM = Script.load("claim")
RELEASE = Script.load("release")
LEASE = Script.load("lease")
ENROL = Script.load("enrol")
WITHDRAW = Script.load("withdraw")


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a script. All scripts here may be called again after a failure without harm."""

    script: Script
    keys: tuple[str, ...]
    arguments: tuple[str | bytes | int, ...]


def new_epoch() -> str:
    """The name of a new life of a channel's head, in case the script finds none."""
    return token_hex(6)


def run(redis: Redis, calls: list[Call]) -> list[Any]:
    """Run `calls` in order in one round trip and return their answers.

    Raises the first `redis.RedisError`; all calls may have been carried out or none, and repeating them is safe.
    """
    if redis not in _prepared:
        _load(redis)
        _prepared.add(redis)
    answers = _run(redis, calls)
    lost = [number for number, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
    if lost:
        # The server is a new one, or was flushed. It knows all scripts or none, so what it did not carry out is
        # the end of the list, and carrying that out now keeps the order.
        _load(redis)
        for number, answer in zip(lost, _run(redis, [calls[number] for number in lost]), strict=True):
            answers[number] = answer
    for answer in answers:
        if isinstance(answer, RedisError):
            raise answer
    return answers


#: Clients whose server has been given all scripts, at least once.
_prepared: WeakSet[Redis] = WeakSet()


def _load(redis: Redis) -> None:
    pipeline = redis.pipeline(transaction=False)
    for script in Script.all:
        pipeline.script_load(script.source)
    pipeline.execute()


def _run(redis: Redis, calls: list[Call]) -> list[Any]:
    """The answers, errors of single calls among them."""
    pipeline = redis.pipeline(transaction=False)
    for call in calls:
        pipeline.evalsha(call.script.sha, len(call.keys), *call.keys, *call.arguments)
    answers: list[Any] = pipeline.execute(raise_on_error=False)
    return answers
