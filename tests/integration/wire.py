"""What stands between connector and hub, as TCP sees it: silent, slow, forgetful."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

__all__ = ["Wire"]

#: Bytes that travel together.
_PACKET = 1400


class Wire:
    """A TCP relay. Both ways carry `rate` bytes a second and take `delay` seconds; up to `buffer` bytes queue in each,
    and the sender's kernel holds what does not fit. A flow that was idle for `forgets_after` seconds is dropped from
    then on without a word, as by a NAT; a new one passes.
    """

    def __init__(
        self,
        target: str,
        *,
        rate: float = float("inf"),
        delay: float = 0.0,
        buffer: int = 256 * 1024,
        forgets_after: float = float("inf"),
    ) -> None:
        self._host, self._port = target.split(":")
        self._rate = rate
        self._delay = delay
        self._buffer = buffer
        self._forgets_after = forgets_after
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        #: Connections that were made.
        self.flows = 0
        self._newest: _Flow | None = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Where it listens."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield "{}:{}".format(*server.sockets[0].getsockname()[:2])
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for writer in self._writers:
                writer.close()
                with contextlib.suppress(ConnectionError):
                    await writer.wait_closed()

    def silence(self) -> None:
        """Nothing passes any more; the connections stay open."""
        self._flowing.clear()

    def restore(self) -> None:
        """New bytes pass again."""
        self._flowing.set()

    def has_forgotten(self) -> bool:
        """Whether what is sent now on the newest connection does not arrive."""
        now = asyncio.get_running_loop().time()
        return self._newest is not None and self._newest.is_idle(now, self._forgets_after)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._host, self._port)
        self.flows += 1
        self._writers |= {writer, far_writer}
        flow = self._newest = _Flow(asyncio.get_running_loop().time())
        for way in (self._pass(flow, reader, far_writer), self._pass(flow, far_reader, writer)):
            self._tasks.add(asyncio.create_task(way))

    async def _pass(
        self, flow: _Flow, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """One way of one flow: packets leave one after the other and arrive a delay later."""
        loop = asyncio.get_running_loop()
        on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(self._buffer // _PACKET)
        self._tasks.add(asyncio.create_task(self._arrive(on_the_way, writer)))
        free_at = 0.0
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(_PACKET if self._rate < 1e9 else 65536):
                await self._flowing.wait()
                if flow.forgotten(loop.time(), self._forgets_after):
                    continue
                free_at = max(free_at, loop.time()) + len(data) / self._rate
                await on_the_way.put((free_at + self._delay, data))
        await on_the_way.put((free_at + self._delay, b""))

    async def _arrive(
        self, on_the_way: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter
    ) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ConnectionError):
            while True:
                at, data = await on_the_way.get()
                if at > loop.time():
                    await asyncio.sleep(at - loop.time())
                if not data:
                    break
                writer.write(data)
                await writer.drain()
        writer.close()


class _Flow:
    """What a NAT remembers of a connection."""

    def __init__(self, now: float) -> None:
        self._used_at = now
        self._gone = False

    def forgotten(self, now: float, after: float) -> bool:
        """Whether it was idle for too long, once; otherwise it is used now."""
        self._gone = self.is_idle(now, after)
        self._used_at = now
        return self._gone

    def is_idle(self, now: float, after: float) -> bool:
        """The same, without using it."""
        return self._gone or now - self._used_at > after
