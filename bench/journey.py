"""`journey`: from a telephony webhook to every dashboard, with the whole product on this machine."""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from bench.dashboards import Evening, Seen, watch
from bench.processes import Child
from bench.report import Spread, Table
from bench.senders import STAGES, Post, Senders, plan
from bench.stack import SENDER_KEY, Stack, whole_stack

ORGANIZATIONS, DASHBOARDS = 10, 20  # dashboards of each organization
GOAL_P50, GOAL_P99 = 10.0, 50.0  # milliseconds

#: Webhooks a second, and whether the goal is set for them.
RATES = (
    ("50 webhooks/s", 50, True),
    ("50 calls/s, 150 webhooks/s", 150, True),
    ("200 webhooks/s", 200, False),
    ("400 webhooks/s", 400, False),
)

#: Seconds in which calls begin, and those of them that are not counted.
SECONDS, WARM_UP = 12.0, 2.0

#: Seconds given to the last events.
_DRAIN = 3.0


@dataclass(frozen=True)
class Trip:
    """What one run of webhooks brought to the dashboards."""

    posts: list[Post]
    answer: Spread
    after_answer: Spread
    after_sending: Spread
    rate: float  # webhooks answered a second while they came at their full rate
    lost: int
    duplicated: int
    disordered: int
    cpu: dict[str, float]  # milliseconds of processor time a webhook, by process

    @property
    def refused(self) -> int:
        return sum(not post.accepted for post in self.posts)

    @property
    def faults(self) -> str:
        return f"{self.refused} refused, {self.lost} lost, {self.duplicated} duplicated, {self.disordered} out of order"

    @property
    def clean(self) -> bool:
        return not (self.refused or self.lost or self.duplicated or self.disordered)


def travel(stack: Stack, *, calls_per_second: float, seconds: float, warm_up: float = WARM_UP) -> Trip:
    """Post the webhooks of calls, and compare what was answered with what every dashboard saw."""
    child = Child(watch, stack.relay_port, stack.dashboards(DASHBOARDS))
    try:
        child.receive()
        domains = [organization.domain for organization in stack.organizations]
        posts = plan(domains, SENDER_KEY, calls_per_second=calls_per_second, seconds=seconds)
        before, own = stack.cpu_seconds(), time.process_time()
        Senders(stack.web_port).run(posts)
        time.sleep(_DRAIN)
        used = {name: after - before[name] for name, after in stack.cpu_seconds().items()}
        used["senders"] = time.process_time() - own
        child.send("tell")
        evening: Evening = child.receive()
    finally:
        child.stop()
    used["dashboards"] = evening.cpu
    answered = sum(post.accepted for post in posts) or 1
    cpu = {name: 1000 * spent / answered for name, spent in used.items()}
    return _compare(stack, posts, evening, (warm_up, seconds), cpu)


def _compare(
    stack: Stack, posts: list[Post], evening: Evening, steady: tuple[float, float], cpu: dict[str, float]
) -> Trip:
    """What came of `posts`. Times are counted while they come at their full rate: of a call's first webhook to the
    last call's first, in seconds from the beginning.
    """
    channels = {o.domain: f"presence-presence.org.{o.id}" for o in stack.organizations}
    expected: dict[str, dict[tuple[str, str], Post]] = defaultdict(dict)
    for post in posts:
        if post.accepted:
            expected[channels[post.domain]][post.call_id, STAGES[post.stage]] = post
    counted_from, counted_until = (posts[0].due + second for second in steady)
    after_answer, after_sending = [], []
    lost = duplicated = disordered = 0
    for dashboard in evening.dashboards:
        mine = expected[dashboard.channel]
        seen = {(event.call_id, event.name): event for event in dashboard.events}
        lost += len(mine.keys() - seen.keys())
        duplicated += len(dashboard.events) - len(seen)
        disordered += _disorder(dashboard.events)
        for key, post in mine.items():
            if key in seen and counted_from <= post.due < counted_until:
                after_answer.append(seen[key].at - post.answered)
                after_sending.append(seen[key].at - post.sent)
    counted = [post for post in posts if counted_from <= post.due < counted_until and post.answered]
    return Trip(
        posts=posts,
        answer=Spread.of([post.answered - post.due for post in counted]),
        after_answer=Spread.of(after_answer),
        after_sending=Spread.of(after_sending),
        rate=sum(counted_from <= post.answered < counted_until for post in posts) / (counted_until - counted_from),
        lost=lost, duplicated=duplicated, disordered=disordered, cpu=cpu,
    )  # fmt: skip


def _disorder(events: Sequence[Seen]) -> int:
    """Events that do not carry the sequence after the one before, or come before their call's earlier ones."""
    gaps = sum(b.sequence != a.sequence + 1 for a, b in pairwise(events))
    stages: dict[str, int] = {}
    for event in events:
        stage = STAGES.index(event.name)
        gaps += stage != stages.get(event.call_id, -1) + 1
        stages[event.call_id] = stage
    return gaps


def run() -> None:
    """Measure and print."""
    with whole_stack(ORGANIZATIONS) as stack:
        table = Table(
            f"From webhook to dashboard: {ORGANIZATIONS * DASHBOARDS} dashboards of {ORGANIZATIONS} organizations, "
            f"{stack.database}, everything on this machine (p50 / p99 / max)"
        )
        for name, rate, has_goal in RATES:
            trip = travel(stack, calls_per_second=rate / len(STAGES), seconds=SECONDS)
            if has_goal:
                met = trip.after_answer.p50 <= GOAL_P50 and trip.after_answer.p99 <= GOAL_P99
                goal = f"p50 ≤ {GOAL_P50:.0f}, p99 ≤ {GOAL_P99:.0f} ms"
                table.goal(f"{name}: answer to event", str(trip.after_answer), goal, met)
            else:
                table.figure(f"{name}: answer to event", str(trip.after_answer))
            table.figure("  sending to event", str(trip.after_sending))
            table.figure("  due to answer", str(trip.answer))
            table.goal("  faults", trip.faults, "none", trip.clean)
            table.figure("  processor time a webhook", f"{sum(trip.cpu.values()):.2f} ms")
    table.show()
