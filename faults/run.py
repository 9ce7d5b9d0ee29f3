"""One run: the system under load, one fault after the other, and what the checker says of each."""

import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psycopg

from faults import checker
from faults.calls import Call, Webhook, plan
from faults.catalog import Fault, Lift, Scene
from faults.checker import Verdict, Waits
from faults.dashboards import Dashboard, Login, log_in
from faults.ledger import Ledger
from faults.senders import Senders
from faults.system import CALL_TIMEOUT, KEY, PASSWORD, SENDER_KEY, System

#: Dashboards of each organization.
STEADY, VISITORS = 3, 2

#: Seconds of load before a fault, and after it.
BEFORE, AFTER = 1.5, 2.5

#: Seconds in which everything must have healed.
LIMIT = 60.0


@dataclass(frozen=True)
class Row:
    """What one fault did."""

    fault: str
    webhooks: int
    events: int
    verdict: Verdict
    waits: Waits
    settled: bool

    @property
    def clean(self) -> bool:
        return self.settled and self.verdict.clean


class Run:
    """Dashboards and senders around a running system."""

    def __init__(self, system: System, rng: random.Random, *, rate: float, abandoned: float) -> None:
        """`rate` of webhooks a second; `abandoned`: the share of calls whose end nobody tells."""
        self._system = system
        self._rng = rng
        self._rate = rate
        self._share_abandoned = abandoned
        self._ledger = Ledger(system.database_url.replace("+psycopg", ""))
        self._senders = Senders(system.web_port, SENDER_KEY)
        self._abandoned: list[Call] = []
        self._dashboards = [
            dashboard
            for domain in system.domains
            for dashboard in self._of_organization(
                *(log_in(system.web_port, f"{who}@{domain}", PASSWORD) for who in ("owner", "agent"))
            )
        ]

    def _of_organization(self, owner: Login, agent: Login) -> list[Dashboard]:
        def dashboard(login: Login, home: int, visitor: bool) -> Dashboard:
            rng = random.Random(self._rng.random())
            web, relays = self._system.web_port, self._system.relay_ports
            return Dashboard(web, relays, KEY, login, rng, home=home, visitor=visitor)

        steady = [dashboard(owner, number, False) for number in range(STEADY)]
        return steady + [dashboard(agent, number, True) for number in range(VISITORS)]

    def start(self) -> None:
        self._senders.start()
        for dashboard in self._dashboards:
            dashboard.start()
        self._until(lambda: all(one.sequence is not None for one in self._steady), "dashboards")

    def stop(self) -> None:
        self._senders.stop()
        for dashboard in self._dashboards:
            dashboard.stop()

    @property
    def _steady(self) -> list[Dashboard]:
        return [dashboard for dashboard in self._dashboards if not dashboard.visitor]

    def row(self, faults: Sequence[Fault], seconds: float) -> Row:
        """Put the faults in, a moment apart, for `seconds`, and see what they did."""
        posts = plan(
            self._system.domains, self._rng, rate=self._rate, seconds=BEFORE + seconds + AFTER,
            abandoned=self._share_abandoned,
        )  # fmt: skip
        self._until(self._all_home, "dashboards")
        for dashboard in self._dashboards:
            dashboard.forget()
            if dashboard.visitor:
                dashboard.wanted.set()
        began = time.monotonic() + 0.2
        for webhook in set(posts):
            webhook.due += began
        self._senders.send(posts)
        time.sleep(BEFORE)
        ended = self._inject(faults, seconds)
        calls = list({webhook.call: None for webhook in posts})
        self._abandoned += [call for call in calls if call.abandoned]
        settled = self._until(self._settled)
        return self._judge(" + ".join(fault.name for fault in faults), posts, calls, ended, settled)

    def afterwards(self) -> Row:
        """The calls whose end nobody told, when their time is over."""
        began = time.monotonic()
        self._senders.send([])
        settled = self._until(lambda: self._settled() and not self._ledger.active(), limit=CALL_TIMEOUT + 60)
        verdict = Verdict()
        if not settled:
            verdict.lost.append(f"calls stay on the board: {self._ledger.active()}")
        outbox = self._ledger.outbox()
        checker.check_outbox(self._abandoned, outbox.events, outbox.heads, verdict)
        waits = Waits(0.0, time.monotonic() - began)
        return Row("calls whose end nobody tells", 0, len(self._abandoned), verdict, waits, settled)

    def _inject(self, faults: Sequence[Fault], seconds: float) -> float:
        """Returns when the last fault was over."""
        scene = Scene(self._system, self._senders, self._rng)
        lifts: list[Lift] = []
        ended = time.monotonic()
        until = ended + seconds
        for number, fault in enumerate(faults):
            if number:
                time.sleep(self._rng.uniform(0, seconds / 3))
            lifts.append(fault.inject(scene))
            ended = time.monotonic()
        time.sleep(max(0.0, until - time.monotonic()))
        for lift in lifts:
            if lift is not None:
                lift()
                ended = time.monotonic()
        return ended

    def _all_home(self) -> bool:
        homes = [one.goes_home() for one in self._steady]
        return all(homes)

    def _settled(self) -> bool:
        """Whether all is at rest: webhooks accepted, events published, boards up to date, presence exact."""
        if self._senders.open:
            return False
        for dashboard in self._dashboards:
            if dashboard.visitor:
                dashboard.wanted.clear()
        with suppress(psycopg.Error):
            heads = self._ledger.heads()
            return all(head.published == head.sequence for head in heads.values()) and all(
                self._rests(dashboard, heads[dashboard.channel.removeprefix("presence-")].sequence)
                for dashboard in self._dashboards
            )
        return False

    @staticmethod
    def _rests(dashboard: Dashboard, sequence: int) -> bool:
        if dashboard.visitor:
            return not dashboard.connected
        alone = {dashboard.login.user_id}
        return dashboard.connected and dashboard.sequence == sequence and dashboard.members == alone

    def _judge(self, name: str, posts: list[Webhook], calls: list[Call], ended: float, settled: bool) -> Row:
        verdict = Verdict()
        webhooks = list(dict.fromkeys(posts))
        ids = [call.id for call in calls]
        if not settled:
            verdict.lost.append(f"not at rest after {LIMIT:g} s: {self._unrest()}")
        checker.check_answers(webhooks, verdict)
        checker.check_calls(calls, self._ledger.calls(ids), self._ledger.records(ids), verdict)
        outbox, active = self._ledger.outbox(), self._ledger.active()
        events, heads = outbox.events, outbox.heads
        checker.check_outbox([call for call in calls if not call.abandoned], events, heads, verdict)
        for dashboard in self._dashboards:
            head = heads[dashboard.channel.removeprefix("presence-")].sequence
            for subscription in dashboard.history:
                last = not subscription.ended
                checker.check_subscription(subscription, head if last else None, verdict)
            if not dashboard.visitor:
                checker.check_board(dashboard, active.get(dashboard.login.organization_id, set()), verdict)
        mine = [event for event in events if event.call_id in set(ids)]
        return Row(name, len(posts), len(mine), verdict, checker.waits(calls, mine, self._steady, ended), settled)

    def _unrest(self) -> str:
        """What is still not as it should be."""
        boards = [
            (one.connected, one.sequence, sorted(one.members - {one.login.user_id}), one.visitor)
            for one in self._dashboards
        ]
        return f"{self._senders.open} webhooks open, {self._ledger.heads()}, dashboards {boards}"

    def _until(self, condition: Callable[[], bool], what: str = "", limit: float = LIMIT) -> bool:
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            if condition():
                return True
            time.sleep(0.1)
        if what:
            raise RuntimeError(f"{what} are not ready")
        return False
