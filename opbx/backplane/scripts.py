"""The Lua scripts, as calls that can be sent alone or many in one round trip."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

from redis import Redis
from redis.exceptions import NoScriptError

_FOLDER = Path(__file__).parent / "lua"


def _read(name: str, *, emits: bool) -> str:
    source = (_FOLDER / f"{name}.lua").read_text()
    return (_FOLDER / "emit.lua").read_text() + source if emits else source


@dataclass(frozen=True, slots=True)
class Script:
    """A script's source and the digest by which Redis knows it."""

    source: str
    sha: str

    @classmethod
    def load(cls, name: str, *, emits: bool = False) -> "Script":
        source = _read(name, emits=emits)
        return cls(source, hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest())


PUBLISH = Script.load("publish", emits=True)
JOIN = Script.load("join", emits=True)
LEAVE = Script.load("leave", emits=True)
SINCE = Script.load("since")
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
    try:
        return _run(redis, calls)
    except NoScriptError:  # a new server, or one that was flushed
        for script in {call.script for call in calls}:
            redis.script_load(script.source)
        return _run(redis, calls)


def _run(redis: Redis, calls: list[Call]) -> list[Any]:
    if len(calls) == 1:
        call = calls[0]
        return [redis.evalsha(call.script.sha, len(call.keys), *call.keys, *call.arguments)]
    pipeline = redis.pipeline(transaction=False)
    for call in calls:
        pipeline.evalsha(call.script.sha, len(call.keys), *call.keys, *call.arguments)
    answers: list[Any] = pipeline.execute()
    return answers
