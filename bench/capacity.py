"""`python -m bench.capacity`: how much of everything a load needs, from what `make bench` has measured.

Each cost is what the part beside it printed on a machine that others used as well, so it is rather too high
than too low; docs/benchmarks.md may have newer ones. Put in those of your own machine. A test keeps the
documentation's table equal to what this prints.
"""

import argparse
from dataclasses import dataclass, fields
from math import ceil

#: Seconds of processor time for each webhook: `make bench PARTS=sustained`.
WEB, WORKER, POSTGRESQL, REDIS = 3.3e-3, 0.61e-3, 1.1e-3, 0.21e-3
#: Seconds of a relay for each event that reaches it, and for each subscriber there: `make bench PARTS="spread fanout"`.
EVENT, DELIVERY = 157e-6, 0.42e-6
#: Bytes of a relay, and for each connection of it: `make bench PARTS=idle`, presence channels.
RELAY, CONNECTION = 59e6, 1_600
#: Bytes for each connection of nginx, member and channel with a full history in Redis: `make bench PARTS=memory`.
PROXIED, MEMBER, HISTORY = 46_300, 154, 300_000
#: Bytes of the database for each call: `make bench PARTS=sustained`.
CALL = 4_500
#: Clients that one relay lets in each second after all were cut off: `make bench PARTS=idle`, presence channels.
RECONNECTS = 747

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
    relays = _relays(load)
    return Need(
        web=load.events * WEB / PLANNED,
        worker=load.events * WORKER / PLANNED,
        postgresql=load.events * POSTGRESQL / PLANNED,
        redis=load.events * REDIS / PLANNED,
        relays=relays,
        relay_memory=RELAY + load.dashboards / relays * CONNECTION,
        proxy_memory=load.dashboards * PROXIED,
        redis_memory=load.dashboards * MEMBER + load.organizations * HISTORY,
        stored_a_day=load.calls * 86_400 * CALL,
        back=load.dashboards / relays / RECONNECTS,
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
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.capacity", description=__doc__.splitlines()[0])
    defaults = Load(1_000, 100_000, 500)
    for one in fields(Load):
        parser.add_argument(
            f"--{one.name}", type=float if one.name == "calls" else int, default=getattr(defaults, one.name)
        )
    try:
        print(table(Load(**vars(parser.parse_args()))))
    except ValueError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
