"""A TCP relay between the connector and the hub, whose connections can be cut."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

__all__ = ["Relay"]


class Relay:
    """Passes bytes on: `async with Relay(port).running() as own_port`."""

    def __init__(self, port: int) -> None:
        self._port = port
        #: Connections that have come so far.
        self.accepted = 0
        self._open: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[int]:
        """Listen until the block ends."""
        server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        async with server:
            yield int(server.sockets[0].getsockname()[1])
            self.cut()

    def cut(self) -> None:
        """End all connections without a word."""
        for writer in self._open:
            writer.transport.abort()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._open |= {writer, far_writer}
        for source, target in ((reader, far_writer), (far_reader, writer)):
            pump = asyncio.create_task(self._pump(source, target))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                target.write(data)
                await target.drain()
        self._open.discard(target)
        target.close()
