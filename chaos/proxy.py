"""A TCP proxy that does to connections what networks do: cuts, closes, stalls, loses, delays and limits."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

__all__ = ["DOWN", "UP", "Proxy"]

#: From who dialled to who was dialled, and back.
UP, DOWN = "up", "down"
_CHUNK = 64 * 1024
#: SO_LINGER of no seconds: closing sends RST.
_RESET = struct.pack("ii", 1, 0)


@dataclass(eq=False)
class _Connection:
    """One connection through the proxy. What goes in a `lost` direction never arrives, for as long as it lives."""

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter
    lost: set[str] = field(default_factory=set)

    def end(self, *, reset: bool) -> None:
        for writer in (self.near, self.far):
            sock = writer.get_extra_info("socket")
            if reset and sock is not None:
                with contextlib.suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                writer.transport.abort()
            else:
                writer.close()


class Proxy:
    """Passes connections on to one of `targets` (host, port), by chance, from its `listener` on, until closed."""

    def __init__(self, listener: socket.socket, targets: Sequence[tuple[str, int]]) -> None:
        self.address = "{}:{}".format(*listener.getsockname()[:2])
        self._listener = listener
        self._targets = targets
        self._connections: set[_Connection] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self._losing: set[str] = set()
        self._delay = 0.0
        self._rate = 0.0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begin to pass on."""
        self._server = await asyncio.start_server(self._accept, sock=self._listener)

    async def close(self) -> None:
        """End all connections."""
        assert self._server is not None
        self._server.close()
        self._end_all(reset=True)
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    # Faults; each is over when its method returns.

    async def cut(self, seconds: float) -> None:
        """Reset all connections."""
        self._end_all(reset=True)

    async def shut(self, seconds: float) -> None:
        """Close all connections, as if by the other side."""
        self._end_all(reset=False)

    async def stall(self, seconds: float) -> None:
        """Nothing goes through; afterwards all that waited does."""
        self._flows.clear()
        try:
            await asyncio.sleep(seconds)
        finally:
            self._flows.set()

    def losing(self, *directions: str) -> Callable[[float], Awaitable[None]]:
        """What is sent in these directions is lost, and nobody is told.

        A connection that lost something never recovers.
        """

        async def lose(seconds: float) -> None:
            self._losing = set(directions)
            for connection in self._connections:
                connection.lost |= self._losing
            try:
                await asyncio.sleep(seconds)
            finally:
                self._losing = set()

        return lose

    async def delay(self, seconds: float) -> None:
        """All comes up to a third of a second later."""
        self._delay = 0.3
        try:
            await asyncio.sleep(seconds)
        finally:
            self._delay = 0.0

    async def limit(self, seconds: float) -> None:
        """Each direction of a connection carries 32 KiB a second."""
        self._rate = 32 * 1024.0
        try:
            await asyncio.sleep(seconds)
        finally:
            self._rate = 0.0

    def _end_all(self, *, reset: bool) -> None:
        for connection in list(self._connections):
            connection.end(reset=reset)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(*random.choice(self._targets))
        except OSError:
            writer.transport.abort()
            return
        connection = _Connection(writer, far_writer, set(self._losing))
        self._connections.add(connection)
        ways = ((reader, far_writer, UP), (far_reader, writer, DOWN))
        pumps = [asyncio.create_task(self._pump(connection, *way)) for way in ways]
        self._pumps.update(pumps)
        await asyncio.wait(pumps)
        self._pumps.difference_update(pumps)
        self._connections.discard(connection)
        connection.end(reset=False)

    async def _pump(
        self,
        connection: _Connection,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        direction: str,
    ) -> None:
        # uvloop says of a connection that is over: RuntimeError.
        with contextlib.suppress(OSError, RuntimeError):
            while data := await reader.read(_CHUNK):
                await self._hold(len(data))
                if direction not in connection.lost:
                    writer.write(data)
                    await writer.drain()
        # The end is lost too, where all is.
        if direction not in connection.lost:
            writer.close()

    async def _hold(self, size: int) -> None:
        await self._flows.wait()
        if self._delay:
            await asyncio.sleep(random.uniform(0, self._delay))
        if self._rate:
            await asyncio.sleep(size / self._rate)
