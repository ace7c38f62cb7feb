"""Many light connectors in one process: real channels, the real rules of a session, the real back-off; no plugins.

`python -m bench.crowd ADDRESS PREFIX COUNT FAILURES` keeps so many sessions open. Each begins by waiting, as after so
many failures in a row. With `bare` for FAILURES each keeps a bare stream open. Prints a JSON line of counts twice a
second.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import grpc

from bench.transport import channel, credentials
from mostek.connector.link import TICK, WELCOME_WITHIN, Backoff
from mostek.link.v1.link_pb2 import Company, ConnectorToHub, Hello, HubToConnector, Status
from mostek.link.v1.link_pb2_grpc import LinkServiceStub
from mostek.wire.loop import run
from mostek.wire.operations import OPERATIONS
from mostek.wire.session import DURABLE, REVISION, ConnectorSession, ProtocolError, Welcomed

__all__ = ["OPTIONS", "Counts"]

#: A connection of its own for each, as connectors have.
OPTIONS = (
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 20_000),
)
_STATUS = Status(
    companies=[
        Company(name="main", plugin="crowd", erp="Nothing", operations=sorted(OPERATIONS)),
    ],
    configuration="0123456789ab",
)

if TYPE_CHECKING:
    Call = grpc.aio.StreamStreamCall[ConnectorToHub, HubToConnector]


@dataclass
class Counts:
    """What a crowd has come to. `late`: attempts that were not welcomed in time; `lost`: sessions that ended."""

    waiting: int = 0
    online: int = 0
    attempts: int = 0
    late: int = 0
    lost: int = 0


class _One:
    """One connector: dials until it is welcomed, and stays; dials again when that ends."""

    def __init__(self, address: str, name: str, failures: int, counts: Counts) -> None:
        self._address = address
        self._credentials = credentials(name)
        self._hello = Hello(
            revision=REVISION,
            capabilities=[DURABLE],
            connector=name,
            instance=name,
            software="bench",
            slots=16,
            status=_STATUS,
        )
        self._counts = counts
        self._backoff = Backoff()
        self._first = 0.0
        for _ in range(failures):
            self._first = self._backoff.next()
        self._rules: ConnectorSession | None = None
        self._call: Call | None = None
        self._began = 0.0
        self._writing = asyncio.Lock()

    async def run(self) -> None:
        self._counts.waiting += 1
        await asyncio.sleep(self._first)
        self._counts.waiting -= 1
        while True:
            if await self._session():
                self._backoff.reset()
                self._counts.online -= 1
                self._counts.lost += 1
            await asyncio.sleep(self._backoff.next())

    async def _session(self) -> bool:
        """Whether it was welcomed."""
        self._counts.attempts += 1
        self._began = time.monotonic()
        rules = ConnectorSession(self._hello, self._began)
        async with channel(self._address, self._credentials, OPTIONS) as opened:
            call = self._call = LinkServiceStub(opened).Connect()
            self._rules = rules
            try:
                await self._flush(call, rules)
                async for frame in call:
                    self._take(rules, frame)
                    await self._flush(call, rules)
            except (grpc.aio.AioRpcError, ProtocolError, asyncio.InvalidStateError):
                pass
            except asyncio.CancelledError:
                if not call.cancelled():
                    raise
            self._rules = self._call = None
            call.cancel()
        return rules.welcome is not None

    def _take(self, rules: ConnectorSession, frame: HubToConnector) -> None:
        if isinstance(rules.receive(frame, time.monotonic()), Welcomed):
            self._counts.online += 1

    async def tick(self, now: float) -> None:
        """Heartbeats; gives up what is silent."""
        rules, call = self._rules, self._call
        if rules is None or call is None:
            return
        if rules.welcome is None:
            if now - self._began > WELCOME_WITHIN:
                self._counts.late += 1
                call.cancel()
        elif rules.is_dead(now):
            call.cancel()
        else:
            rules.tick(now)
            await self._flush(call, rules)

    async def _flush(self, call: Call, rules: ConnectorSession) -> None:
        # Two writes at once would end the call.
        async with self._writing:
            while (frame := rules.outbox.next()) is not None:
                await call.write(frame)


async def _ticking(crowd: list[_One]) -> None:
    while True:
        await asyncio.sleep(TICK)
        for one in crowd:
            try:
                await one.tick(time.monotonic())
            except (grpc.aio.AioRpcError, asyncio.InvalidStateError, asyncio.CancelledError):
                # Its stream has ended, as its reader will see.
                continue


async def _bare(address: str, name: str, counts: Counts) -> None:
    async with channel(address, credentials(name), OPTIONS) as opened:
        method: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = opened.stream_stream(
            "/bare/Stream"
        )
        call = method()
        await call.write(b"x" * 64)
        await call.read()
        counts.online += 1
        await call.read()


async def main(address: str, prefix: str, count: int, failures: str) -> None:
    """Until killed."""
    counts = Counts()
    async with asyncio.TaskGroup() as group:
        if failures == "bare":
            for i in range(count):
                group.create_task(_bare(address, f"{prefix}-{i}", counts))
        else:
            crowd = [_One(address, f"{prefix}-{i}", int(failures), counts) for i in range(count)]
            for one in crowd:
                group.create_task(one.run())
            group.create_task(_ticking(crowd))
        while True:
            print(json.dumps(asdict(counts)), flush=True)
            await asyncio.sleep(TICK)


if __name__ == "__main__":
    run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]))
