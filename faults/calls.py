"""Calls as telephony senders tell of them: in both forms, with repetitions, and some of them in disorder."""

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

#: What the webhooks of a call say, in order. The first two make a call known, the last one ends it.
STAGES = ("initiated", "ringing", "answered", "ended")

#: Seconds from one webhook of a call to the next.
STEP = 0.8

#: Shares of webhooks that are sent twice, of calls that arrive in disorder, and of calls whose end nobody tells.
TWICE = 0.1
DISORDER = 0.1
ABANDONED = 0.02


@dataclass(frozen=True)
class Answer:
    """One attempt. `status` 0: no answer. Times are seconds of the monotonic clock."""

    sent: float
    came: float
    status: int
    body: Mapping[str, Any]
    retry_after: str | None = None


@dataclass(eq=False)
class Webhook:
    """One webhook, until it is accepted. `due`: when it is to go out first; `after`: what must be accepted before."""

    call: "Call"
    stage: str
    endpoint: str
    build: Callable[[float], dict[str, Any]]
    due: float
    after: "Webhook | None" = None
    body: bytes = b""
    answers: list[Answer] = field(default_factory=list)

    def content(self, now: float) -> bytes:
        """The body, made by the sender's clock when it is first sent, and the same at every try."""
        if not self.body:
            self.body = json.dumps(self.build(now)).encode()
        return self.body

    @property
    def first_sent(self) -> float:
        """Infinity where it was never sent, since what is before it was not accepted."""
        return min((answer.sent for answer in self.answers), default=float("inf"))

    @property
    def accepted_at(self) -> float:
        """When a 2xx came first; infinity where none did."""
        return min((answer.came for answer in self.answers if 200 <= answer.status < 300), default=float("inf"))


@dataclass(eq=False)
class Call:
    """`webhooks` by stage."""

    id: str
    domain: str
    webhooks: dict[str, Webhook] = field(default_factory=dict)

    @property
    def abandoned(self) -> bool:
        return "ended" not in self.webhooks


def plan(domains: Sequence[str], rng: random.Random, *, rate: float, seconds: float, abandoned: float) -> list[Webhook]:
    """`rate` webhooks a second for about `seconds`, repetitions included; each is there as often as it is sent."""
    posts: list[Webhook] = []
    calls = int(rate * seconds / (len(STAGES) * (1 + TWICE)))
    for number in range(calls):
        call = _call(domains[number % len(domains)], rng, number / calls * seconds, left=rng.random() < abandoned)
        for webhook in call.webhooks.values():
            posts += [webhook] * (2 if rng.random() < TWICE else 1)
    return posts


def _call(domain: str, rng: random.Random, start: float, *, left: bool) -> Call:
    call = Call(f"fault-{uuid4().hex}", domain)
    form = rng.choice((_own_form, _session_updates))
    told = form(call.id, domain)[: -1 if left else None]
    times = [start + STEP * place for place in range(len(told))]
    disorder = rng.random() < DISORDER
    if disorder:
        rng.shuffle(times)
    before: Webhook | None = None
    for stage, (endpoint, build), due in zip(STAGES, told, times, strict=False):
        webhook = Webhook(call, stage, endpoint, build, due, after=None if disorder else before)
        call.webhooks[stage] = before = webhook
    return call


_Told = list[tuple[str, Callable[[float], dict[str, Any]]]]


def _own_form(call_id: str, domain: str) -> _Told:
    call = {"call_id": call_id, "domain": domain}
    parties = {"from": "+14155551234", "to": "+18005550011", "did": "+18005550011", "direction": "inbound"}

    def status(name: str, **more: Any) -> Callable[[float], dict[str, Any]]:
        return lambda now: {**call, "status": name, "timestamp": int(now), **more}

    return [
        ("call-initiated", lambda now: {**call, **parties, "timestamp": int(now), "status": "initiated"}),
        ("call-status", status("ringing")),
        ("call-status", status("answered", extension="101")),
        ("call-status", status("completed", duration=1, disconnect_reason="normal")),
    ]


def _session_updates(call_id: str, domain: str) -> _Told:
    parties = {"destination": "+18005550011", "callerId": "+14155551234", "direction": "incoming"}

    def update(status: str, **times: Any) -> Callable[[float], dict[str, Any]]:
        event = str(uuid4())
        return lambda now: {
            "id": 1, "domainId": 3, "domain": domain, "subscriberId": 2, **parties, "token": call_id,
            "createdAt": _iso(now), "modifiedAt": _iso(now), "status": status, "callStartTime": int(now * 1000),
            "action": "updated", "reason": "vapp", "eventId": event,
            **{name: int(now * 1000) for name in times},
        }  # fmt: skip

    def record(now: float) -> dict[str, Any]:
        start = int((now - 3) * 1000)
        return {
            "timestamp": start // 1000, "domain": domain, "from": "+14155551234", "to": "+18005550011",
            "disposition": "CONNECTED", "duration": 3, "billsec": 2, "call_id": f"{call_id}@10.0.0.1:5060",
            "owner": {"domain": {"name": domain}},
            "session": {
                "id": 1, "token": call_id, "domainId": 3, "status": "connected", "callStartTime": start,
                "callAnswerTime": start + 1000, "callEndTime": start + 3000,
            },
        }  # fmt: skip

    voice = {
        "CallSid": call_id, "Session": call_id, "Domain": domain, "From": "+14155551234", "To": "+18005550011",
        "Direction": "inbound", "CallStatus": "ringing", "ApiVersion": "1",
    }  # fmt: skip
    return [
        ("call-initiated", lambda _: voice),
        ("session-update", update("ringing")),
        ("session-update", update("connected", callAnswerTime=True)),
        ("cdr", record),
    ]


def _iso(now: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
