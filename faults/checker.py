"""Compares what senders were answered, what the database holds, and what each dashboard was told and showed.

It shares no code with the product and knows only what that promises:

- A webhook is accepted, or refused with 503 and a time to come again.
- A webhook answered with 2xx has changed its call once. What it announces is in the outbox once, and for each call in
  the order initiated, answered, ended.
- On every subscription each event after the snapshot arrives once and in order, or `opbx:resync` is said instead and a
  snapshot loaded. A gap that a client has to find by itself is a loss.

Which events there must be follows from what was surely committed before what: a webhook commits between its first
attempt and its first 2xx.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from faults.calls import Call, Webhook
from faults.dashboards import Dashboard, Loaded, Shown, Subscription
from faults.ledger import Head, StoredCall, StoredEvent

ORDER = ("call.initiated", "call.answered", "call.ended")


@dataclass
class Verdict:
    """What went wrong, each in one line."""

    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    disordered: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.duplicated or self.disordered)

    def lines(self) -> Iterable[str]:
        for name, found in (("lost", self.lost), ("duplicated", self.duplicated), ("out of order", self.disordered)):
            yield from (f"{name}: {line}" for line in found)


# Senders and database


def check_answers(webhooks: Iterable[Webhook], verdict: Verdict) -> None:
    """Every webhook was accepted in the end, as new at most once, and refused only with a time to come again."""
    for webhook in webhooks:
        accepted = [answer for answer in webhook.answers if 200 <= answer.status < 300]
        if not accepted:
            statuses = Counter(answer.status for answer in webhook.answers)
            verdict.lost.append(f"{_name(webhook)} never accepted: {dict(statuses)}")
        for answer in webhook.answers:
            if answer.status >= 300 and not (answer.status == 503 and answer.retry_after):
                verdict.lost.append(f"{_name(webhook)} answered {answer.status}, Retry-After {answer.retry_after}")
        fresh = [answer for answer in accepted if answer.body.get("duplicate") is False]
        if len(fresh) > 1:
            verdict.duplicated.append(f"{_name(webhook)} answered {len(fresh)} times as new")


def check_calls(
    calls: Iterable[Call], stored: dict[str, list[StoredCall]], records: list[str], verdict: Verdict
) -> None:
    """Every call is there once, in the state that all its webhooks together give it."""
    for call in calls:
        rows = stored[call.id]
        if len(rows) > 1:
            verdict.duplicated.append(f"call {call.id} is stored {len(rows)} times")
        if not rows:
            verdict.lost.append(f"call {call.id} is not stored")
            continue
        told = "answered" in call.webhooks
        if not call.abandoned and (rows[0].status != "completed" or not rows[0].ended or rows[0].answered != told):
            verdict.lost.append(f"call {call.id} is stored as {rows[0]}")
    counted = Counter(records)
    for call in calls:
        recorded = not call.abandoned and call.webhooks["ended"].endpoint == "cdr"
        if counted[call.id] > recorded:
            verdict.duplicated.append(f"{counted[call.id]} records of call {call.id}")
        if counted[call.id] < recorded or (recorded and not any(row.settled for row in stored[call.id])):
            verdict.lost.append(f"the record of call {call.id}")


def check_outbox(
    calls: Iterable[Call], events: Sequence[StoredEvent], heads: dict[str, Head], verdict: Verdict
) -> None:
    """The events of the calls, and the channels' sequences."""
    by_call: dict[str, list[str]] = {}
    sequences: dict[str, list[int]] = {}
    for event in events:
        by_call.setdefault(event.call_id, []).append(event.name)
        sequences.setdefault(event.channel, []).append(event.sequence)
        if event.failure:
            verdict.lost.append(f"event {event.sequence} of {event.channel} marked as failed: {event.failure}")
    for channel, numbers in sequences.items():
        if numbers != list(range(1, len(numbers) + 1)):
            verdict.lost.append(f"the sequence of {channel} has gaps")
        if heads[channel].sequence != len(numbers):
            verdict.lost.append(f"{channel}: {len(numbers)} events, head at {heads[channel].sequence}")
    for call in calls:
        _check_events(call, by_call.get(call.id, []), verdict)


def _check_events(call: Call, names: list[str], verdict: Verdict) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            verdict.duplicated.append(f"{name} of call {call.id} is stored {count} times")
    if names != sorted(names, key=ORDER.index):
        verdict.disordered.append(f"events of call {call.id} stored as {names}")
    must, may = expected_events(call)
    for name in must - set(names):
        verdict.lost.append(f"{name} of call {call.id} is not stored")
    for name in set(names) - may:
        verdict.duplicated.append(f"{name} of call {call.id}, which is not to be announced")


def expected_events(call: Call) -> tuple[set[str], set[str]]:
    """The events that the call must have, and those that it may have."""
    end = call.webhooks.get("ended")
    before = [webhook for webhook in call.webhooks.values() if webhook is not end]
    surely = [webhook for webhook in before if end is None or webhook.accepted_at < end.first_sent]
    maybe = [webhook for webhook in before if end is None or webhook.first_sent < end.accepted_at]
    must, may = _announced(surely), _announced(maybe)
    # One without news for too long is ended by the product itself.
    return must | {"call.ended"}, may | {"call.ended"}


def _announced(webhooks: Sequence[Webhook]) -> set[str]:
    found = {"call.initiated"} if webhooks else set()
    if any(webhook.stage == "answered" for webhook in webhooks):
        found.add("call.answered")
    return found


# Dashboards


def check_subscription(subscription: Subscription, head: int | None, verdict: Verdict) -> None:
    """What came on one subscription; `head` is the channel's sequence where it lasts until now."""
    newest = 0
    received: set[int] = set()
    where = f"on relay {subscription.relay}"
    for entry in subscription.log:
        match entry:
            case Loaded(sequence=sequence, why=why):
                if why == "gap":
                    verdict.lost.append(f"between {newest} and the next {where}: a gap without opbx:resync")
                if why in {"resync", "told again"}:
                    received.clear()
                    newest = 0
                if sequence < newest:
                    verdict.disordered.append(f"a snapshot at {sequence} after event {newest} {where}")
                newest = max(newest, sequence)
            case Shown(sequence=sequence, name=name):
                if sequence in received:
                    verdict.duplicated.append(f"{name} {sequence} arrived again {where}")
                elif received and sequence < max(received):
                    verdict.disordered.append(f"{name} {sequence} after {max(received)} {where}")
                received.add(sequence)
                newest = max(newest, sequence)
    if head is not None and newest < head:
        verdict.lost.append(f"events {newest + 1} to {head} {where}")


def check_board(dashboard: Dashboard, active: set[str], verdict: Verdict) -> None:
    """The board of a connected dashboard at rest is what the database has."""
    for call_id in set(dashboard.board) - active:
        verdict.lost.append(f"call {call_id} stays on a board")
    for call_id in active - set(dashboard.board):
        verdict.lost.append(f"call {call_id} is missing on a board")


# Times


@dataclass(frozen=True)
class Waits:
    """Seconds. `stall`: the longest from a webhook's acceptance until all steady dashboards showed its event. `healed`:
    from the fault's end to the last refusal of a webhook, and to when the last event that waited `NOTICED` was shown.

    That webhooks are accepted late, because a busy machine makes up for what it missed, is neither.
    """

    stall: float
    healed: float


NOTICED = 1.0

_CAUSES = {
    "call.initiated": ("initiated", "ringing", "answered"),
    "call.answered": ("answered",),
    "call.ended": ("ended",),
}


def waits(
    calls: Iterable[Call], events: Sequence[StoredEvent], steady: Sequence[Dashboard], fault_ended: float
) -> Waits:
    by_id = {call.id: call for call in calls}
    shown = {dashboard.login.organization_id: _shown(steady, dashboard.login.organization_id) for dashboard in steady}
    stall = healed = 0.0
    for event in events:
        causes = [by_id[event.call_id].webhooks.get(stage) for stage in _CAUSES[event.name]]
        accepted = min((webhook.accepted_at for webhook in causes if webhook), default=float("inf"))
        at = shown[event.channel.rpartition(".")[2]].get(event.sequence, 0.0)
        stall = max(stall, at - accepted)
        if at - accepted > NOTICED:
            healed = max(healed, at - fault_ended)
    for call in by_id.values():
        for webhook in call.webhooks.values():
            refused = [answer.came for answer in webhook.answers if not 200 <= answer.status < 300]
            healed = max(healed, *(came - fault_ended for came in refused), 0.0)
    return Waits(stall, healed)


def _shown(steady: Sequence[Dashboard], organization_id: str) -> dict[int, float]:
    """When each sequence was on all steady dashboards of the organization."""
    latest: dict[int, float] = {}
    for dashboard in steady:
        if dashboard.login.organization_id != organization_id:
            continue
        known = 0
        for subscription in dashboard.history:
            for entry in subscription.log:
                for sequence in range(known + 1, entry.sequence + 1):
                    latest[sequence] = max(latest.get(sequence, 0.0), entry.at)
                known = max(known, entry.sequence)
    return latest


def _name(webhook: Webhook) -> str:
    return f"{webhook.stage} of call {webhook.call.id}"
