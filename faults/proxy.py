"""A network that can be cut: forwards TCP connections on loopback, and on order drops, holds or delays what passes."""

import asyncio
import threading
from contextlib import suppress
from enum import StrEnum

_CHUNK = 65_536


class Line(StrEnum):
    """What happens to what passes."""

    OPEN = "open"
    CUT = "cut"  # connections are reset, new ones end at once
    HELD = "held"  # nothing arrives any more, and nobody is told; what was sent arrives when the line opens
    SLOW = "slow"  # everything is late


class Proxy:
    """Forwards `port` to `target`, from a thread of its own."""

    def __init__(self, port: int, target: int, *, delay: float = 0.2) -> None:
        self.port = port
        self._target = target
        self._delay = delay
        self._line = Line.OPEN
        self._loop = asyncio.new_event_loop()
        self._open = asyncio.Event()
        self._open.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"proxy {port}", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._started.wait()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def set(self, line: Line) -> None:
        self._loop.call_soon_threadsafe(self._set, line)

    def _set(self, line: Line) -> None:
        self._line = line
        if line is Line.HELD:
            self._open.clear()
        else:
            self._open.set()
        if line is Line.CUT:
            for writer in list(self._writers):
                writer.transport.abort()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", self.port))
        self._started.set()
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._line is Line.CUT:
            writer.transport.abort()
            return
        await self._open.wait()
        try:
            upstream, out = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, out}
        self._writers |= ends
        try:
            await asyncio.gather(self._pump(reader, out), self._pump(upstream, writer))
        finally:
            self._writers -= ends
            for end in ends:
                end.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                await self._open.wait()
                if self._line is Line.SLOW:
                    await asyncio.sleep(self._delay)
                writer.write(data)
                await writer.drain()
            writer.transport.abort() if self._line is Line.CUT else writer.close()
