"""Counts deliveries at millions a second, and proves that none is missing.

All messages of a run have the same size, so a connection's messages are counted by its bytes, and every connection
must end with exactly what was published. Every so manyth connection is looked at message by message: what it says,
in which order it came, and how old it was.
"""

import mmap
import select
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from bench import websocket
from bench.report import Spread, median
from bench.swarm import Swarm, Wish

#: Characters of a message's data: when it was sent (ns), its number, and filling.
TIME, NUMBER, DATA = 20, 10, 200
_RECEIVE = 262_144
_MARK = 0.25  # seconds between two notes of the total


def message_data(number: int) -> str:
    """The data of message `number`, sent now."""
    return f"{time.monotonic_ns():0{TIME}d}{number:0{NUMBER}d}".ljust(DATA, "x")


class Progress:
    """What the counting process has received, as its publisher sees it: shared memory, made before the fork."""

    def __init__(self) -> None:
        self._cells = memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("Q")

    @property
    def complete(self) -> int:
        """Messages that every subscriber has."""
        return self._cells[0]

    @complete.setter
    def complete(self, messages: int) -> None:
        self._cells[0] = messages


@dataclass(frozen=True)
class Counted:
    """What one run brought. `marks` are (seconds, deliveries, client's processor seconds).

    Message `n` goes to channel `n % channels`, to which the connections with that rest of their number subscribe.
    """

    channels: int
    messages: list[int]  # of each connection, by its number
    odd_bytes: int  # beyond whole messages, over all connections
    samples: dict[int, list[int]]  # numbers of the messages of the connections that were looked at, as they came
    broken: int  # messages that did not look like one
    latencies: list[float]
    marks: list[tuple[float, float, float]]

    def rate(self, *, skip: int = 4) -> float:
        """Deliveries a second: the median over windows of a second, without the first `skip` marks and the last."""
        marks, step = self.marks[skip:-1], 4
        return median([(b[1] - a[1]) / (b[0] - a[0]) for a, b in zip(marks, marks[step:], strict=False)])

    @property
    def client_cpu(self) -> float:
        """The share of a core that the client used."""
        first, last = self.marks[0], self.marks[-1]
        return (last[2] - first[2]) / (last[0] - first[0])

    @property
    def latency(self) -> Spread:
        return Spread.of(self.latencies)

    def faults(self, published: int, *, in_order: bool = True) -> str:
        """What is wrong with the deliveries of `published` messages; empty when nothing is.

        `in_order` asks for the order of the messages' numbers; the same order for all is always asked for.
        """
        due = [len(range(number % self.channels, published, self.channels)) for number in range(len(self.messages))]
        orders: dict[int, list[int]] = {}
        disorder = wrong = 0
        for number, got in self.samples.items():
            channel = number % self.channels
            disorder += got != orders.setdefault(channel, got)
            wrong += (got if in_order else sorted(got)) != list(range(channel, published, self.channels))
        found = {
            "lost": sum(max(0, want - got) for want, got in zip(due, self.messages, strict=True)),
            "surplus": sum(max(0, got - want) for want, got in zip(due, self.messages, strict=True)),
            "odd bytes": self.odd_bytes, "broken": self.broken, "other order": disorder, "wrong numbers": wrong,
        }  # fmt: skip
        return ", ".join(f"{count} {what}" for what, count in found.items() if count)


class Counter:
    """Counts over the connections of a swarm, which are spread evenly over `channels`."""

    def __init__(self, swarm: Swarm, progress: Progress, channels: int) -> None:
        self._swarm = swarm
        self._progress = progress
        self._channels = channels
        self._receive = {fd: client.sock.recv_into for fd, client in swarm.clients.items()}
        self._channel = {fd: client.number % channels for fd, client in swarm.clients.items()}
        self._buffer = bytearray(_RECEIVE)

    def begin(self, stride: int) -> None:
        """Start anew, looking closely at every `stride`th connection."""
        self._bytes = dict.fromkeys(self._receive, 0)
        self._by_channel = [0] * self._channels
        self._rest = {fd: b"" for fd, client in self._swarm.clients.items() if client.number % stride == 0}
        self._heads: dict[int, bytes] = {}
        self._numbers: dict[int, list[int]] = {fd: [] for fd in self._rest}
        self._latencies: list[float] = []
        self._broken = 0
        self._size = 0
        self._total = 0
        self._marks = [(time.monotonic(), 0.0, time.process_time())]
        self._progress.complete = 0

    def turn(self, events: Sequence[tuple[int, int]]) -> None:
        """Take what has come."""
        receive, counted, rest, buffer = self._receive, self._bytes, self._rest, self._buffer
        channel, by_channel, total = self._channel, self._by_channel, 0
        for fd, _ in events:
            received = receive[fd](buffer)
            counted[fd] += received
            by_channel[channel[fd]] += received
            total += received
            if fd in rest:
                self._look(fd, bytes(memoryview(buffer)[:received]))
            if not received:
                self._swarm.drop(self._swarm.clients[fd])
        self._total += total
        if self._size and total:
            whole = self._size * (len(counted) // self._channels)  # bytes of a message with all its subscribers
            done = [got // whole for got in by_channel]
            self._progress.complete = min(number + self._channels * got for number, got in enumerate(done))
        now = time.monotonic()
        if now - self._marks[-1][0] >= _MARK:
            self._marks.append((now, self._total / (self._size or 1), time.process_time()))

    def _look(self, fd: int, data: bytes) -> None:
        """Read message by message."""
        now = time.monotonic_ns()
        data = self._rest[fd] + data
        head = self._heads.get(fd) or self._learn(fd, data)
        size, begin = self._size or len(data) + 1, len(head)
        numbers, latencies, at = self._numbers[fd], self._latencies, 0
        while at + size <= len(data):
            stamp = at + begin
            if data.startswith(head, at):
                latencies.append((now - int(data[stamp : stamp + TIME])) / 1e9)
                numbers.append(int(data[stamp + TIME : stamp + TIME + NUMBER]))
            else:
                self._broken += 1
            at += size
        self._rest[fd] = data[at:]

    def _learn(self, fd: int, data: bytes) -> bytes:
        """What every message of this connection begins with, and the size of all messages of this run."""
        sizes = websocket.frame_size(data)
        start = data.find(b'"data":"')
        if sizes is None or start < 0:
            return b""
        self._size = self._size or sum(sizes)
        head = self._heads[fd] = data[: start + len(b'"data":"')]
        return head

    def report(self) -> Counted:
        size, clients = self._size or 1, self._swarm.clients
        return Counted(
            channels=self._channels,
            messages=[got // size for got in self._bytes.values()],
            odd_bytes=sum(got % size for got in self._bytes.values()),
            samples={clients[fd].number: numbers for fd, numbers in self._numbers.items()},
            broken=self._broken,
            latencies=self._latencies,
            marks=self._marks,
        )


def count(pipe: Connection, port: int, wishes: Sequence[Wish], progress: Progress, channels: int = 1) -> None:
    """The work of a counting process: connect, say how long it took, then obey `("begin", stride)` and `"report"`."""
    swarm = Swarm(port)
    seconds = swarm.connect(wishes)
    swarm.settle()
    pipe.send(seconds)
    counter = Counter(swarm, progress, channels)
    counter.begin(stride=len(wishes))
    swarm.epoll.register(pipe.fileno(), select.EPOLLIN)
    while True:
        events = swarm.epoll.poll(0.1, 1024)
        commands = [event for event in events if event[0] == pipe.fileno()]
        counter.turn([event for event in events if event not in commands] if commands else events)
        if commands:
            _obey(counter, pipe, pipe.recv())


def _obey(counter: Counter, pipe: Connection, command: Any) -> None:
    match command:
        case ("begin", stride):
            counter.begin(stride)
            pipe.send(True)
        case "report":
            pipe.send(counter.report())
