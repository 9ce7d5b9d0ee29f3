"""`python -m bench.capacity`: how much of everything a load needs, from what `make bench` has measured.

Each cost is what the part beside it printed on two cores of which other programs used 0 to 4 %; the bytes of Redis
and nginx are from a busier one. Put in those of your own machine: they are all here. A test
keeps the documentation's tables equal to what this prints.
"""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from math import ceil

#: Seconds of processor time for each webhook: `make bench PARTS=sustained`.
WEB, WORKER, POSTGRESQL, REDIS = 1.8e-3, 0.87e-3, 0.86e-3, 0.21e-3
#: Seconds of a relay for each event that reaches it, and for each subscriber there: `make bench PARTS="spread fanout"`.
EVENT, DELIVERY = 165e-6, 0.71e-6
#: Bytes of a relay, and for each connection of it: `make bench PARTS=idle`, presence channels.
RELAY, CONNECTION = 57.4e6, 1_700
#: Bytes for each connection of nginx, member and channel with a full history in Redis: `make bench PARTS=memory`.
PROXIED, MEMBER, HISTORY = 46_300, 154, 300_000
#: Bytes of the database for each call: `make bench PARTS=sustained`.
CALL = 4_100
#: Seconds of web to sign a subscription, which each client asks for that comes back: `make bench PARTS=authorize`.
SIGNATURE = 2.3e-3
#: Clients that one relay lets in each second after all were cut off: `make bench PARTS=storm`.
RECONNECTS = 2_050

#: Of its cores that a process is planned to use; the rest is for peaks.
PLANNED = 0.6
#: Webhooks, and events, of a call.
STAGES = 3
#: Connections that one relay is given at most: more of them take too long to come back.
CONNECTIONS_OF_A_RELAY = 20_000
GIGABYTE = 1e9


@dataclass(frozen=True)
class Load:
    organizations: int
    dashboards: int
    calls: float  #: a second

    @property
    def events(self) -> float:
        return STAGES * self.calls

    @property
    def audience(self) -> float:
        """Dashboards of one organization."""
        return self.dashboards / self.organizations


@dataclass(frozen=True)
class Need:
    """What a load needs, in cores and bytes, and how long it takes until all clients are back after a loss."""

    web: float
    worker: float
    postgresql: float
    redis: float
    relays: int
    relay_memory: float
    proxy_memory: float
    redis_memory: float
    stored_a_day: float
    back: float


def need(load: Load) -> Need:
    """Raises `ValueError` where more relays would not help: each of them hears of every event."""
    relays, web = _relays(load), load.events * WEB / PLANNED
    return Need(
        web=web,
        worker=load.events * WORKER / PLANNED,
        postgresql=load.events * POSTGRESQL / PLANNED,
        redis=load.events * REDIS / PLANNED,
        relays=relays,
        relay_memory=RELAY + load.dashboards / relays * CONNECTION,
        proxy_memory=load.dashboards * PROXIED,
        redis_memory=load.dashboards * MEMBER + load.organizations * HISTORY,
        stored_a_day=load.calls * 86_400 * CALL,
        back=load.dashboards * max(1 / relays / RECONNECTS, SIGNATURE / max(1, web)),
    )


def _relays(load: Load) -> int:
    """As many as keep each below its part of a core: all hear each event, and share its audience."""
    left = PLANNED - load.events * EVENT
    if left <= 0:
        most = PLANNED / EVENT
        raise ValueError(
            f"{load.events:,.0f} events/s are more than one relay hears ({most:,.0f}): split the organizations"
        )
    by_work = ceil(load.events * load.audience * DELIVERY / left)
    return max(by_work, ceil(load.dashboards / CONNECTIONS_OF_A_RELAY), 2)


def table(load: Load) -> str:
    """The answer as a Markdown table."""
    found = need(load)
    rows = [
        ("webhooks and events a second", f"{load.events:,.0f}"),
        ("deliveries a second", f"{load.events * load.audience:,.0f}"),
        ("web", f"{found.web:,.1f} cores"),
        ("worker", f"{found.worker:,.1f} cores"),
        ("PostgreSQL", f"{found.postgresql:,.1f} cores, {found.stored_a_day / GIGABYTE:,.1f} GB a day"),
        ("Redis", f"{found.redis:,.1f} cores, {found.redis_memory / GIGABYTE:,.2f} GB"),
        ("relay", f"{found.relays} of one core and {found.relay_memory / GIGABYTE:,.2f} GB each"),
        ("nginx", f"{found.proxy_memory / GIGABYTE:,.1f} GB"),
        ("all clients back after a loss of all", f"{found.back:,.0f} s"),
    ]
    return _rows(("", ""), rows)


def costs() -> str:
    """What the answer is made of, as a Markdown table."""
    rows = [
        ("web, a webhook", f"{1e3 * WEB:g} ms of a core", "`make bench PARTS=sustained`"),
        ("worker, a webhook", f"{1e3 * WORKER:g} ms", "the same"),
        ("PostgreSQL, a webhook", f"{1e3 * POSTGRESQL:g} ms", "the same"),
        ("Redis, a webhook: queue, backplane and limits", f"{1e3 * REDIS:g} ms", "the same"),
        ("PostgreSQL, stored for a call", f"{CALL / 1e3:g} KB", "the same"),
        ("web, a signature of `/broadcasting/auth`", f"{1e3 * SIGNATURE:g} ms", "`make bench PARTS=authorize`"),
        ("relay, an event that reaches it", f"{1e6 * EVENT:g} µs", "`make bench PARTS=spread`"),
        ("relay, a delivery", f"{1e6 * DELIVERY:g} µs", "`make bench PARTS=fanout`, 1,000 subscribers"),
        (
            "relay, empty; a connection",
            f"{RELAY / 1e6:g} MB; {CONNECTION / 1e3:g} KB",
            "`make bench PARTS=idle`, presence channels. The kernel's buffers of a socket come on top",
        ),
        ("relay, clients that come in", f"{RECONNECTS:,} a second", "`make bench PARTS=storm`"),
        ("nginx, a WebSocket over TLS", f"{PROXIED / 1e3:g} KB", "`make bench PARTS=memory`"),
        ("Redis, a member of a presence channel", f"{MEMBER} bytes", "the same"),
        ("Redis, a channel with 1,000 messages of history", f"{HISTORY / 1e3:g} KB", "the same"),
    ]
    return _rows(("cost", "figure", "measured by"), rows)


def limits() -> str:
    """Where each part's limit is, as a Markdown table."""
    most = {name: f"{PLANNED / cost:,.0f}" for name, cost in (("postgresql", POSTGRESQL), ("redis", REDIS))}
    rows = [
        ("web", "cores", "none", "more machines"),
        (
            "PostgreSQL",
            "commits of one primary, and its disk",
            f"{most['postgresql']} webhooks/s for each core at {PLANNED:.0%}",
            "a larger machine; then organizations over several databases, each a deployment of its own",
        ),
        ("worker", "cores; one worker at a time has a channel", "none in sum", "more workers"),
        (
            "Redis",
            "one core for all scripts",
            f"{most['redis']} webhooks/s",
            "the queue on a server of its own (`CELERY_BROKER_URL`); a [cluster](redis.md#what-a-cluster-gives)",
        ),
        (
            "relay",
            "every relay hears every event of an organization that it has clients of",
            f"{PLANNED / EVENT:,.0f} events/s, however many relays",
            "deployments of their own for groups of organizations",
        ),
        (
            "relay",
            "clients that come back at once",
            f"{RECONNECTS:,} a second each",
            "more relays; `RELAY_DRAIN` spreads planned ends",
        ),
        (
            "web",
            "signatures for clients that come back at once",
            f"{1 / SIGNATURE:,.0f} a second for each core",
            "more cores; webhooks wait among them meanwhile",
        ),
        (
            "nginx",
            "memory of TLS",
            f"{PROXIED / 1e3:g} KB a connection",
            "more machines behind a balancer that passes TCP on",
        ),
        ("one organization", "its events go through one channel, in order", "not measured", ""),
    ]
    return _rows(("part", "what limits it", "at about", "what then"), rows)


def _rows(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.capacity", description=__doc__.splitlines()[0])
    defaults = Load(1_000, 100_000, 500)
    for one in fields(Load):
        parser.add_argument(
            f"--{one.name}", type=float if one.name == "calls" else int, default=getattr(defaults, one.name)
        )
    parser.add_argument("--costs", action="store_true", help="what the answer is made of, and where limits are")
    asked = vars(parser.parse_args())
    try:
        print(f"{costs()}\n\n{limits()}" if asked.pop("costs") else table(Load(**asked)))
    except ValueError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
