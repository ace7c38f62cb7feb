"""The two things that are repeated: reconnects, and calls that are abandoned."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import grpc

from bench.processes import process, wait_for_port
from chaos.processes import free_ports
from mostek.link.v1.link_pb2 import ConnectorToHub, Hello
from mostek.link.v1.link_pb2_grpc import LinkServiceStub
from mostek.wire.names import CONNECTOR
from mostek.wire.session import REVISION
from soak.callers import Callers
from soak.probe import Sample, sample
from soak.relay import Relay

__all__ = ["SIDES", "Phase", "World", "abandoned", "reconnects", "world"]

SIDES = ("hub", "connector")
#: Seconds of rest before a sample: whatever was abandoned has ended by then, and the audit is written.
REST = 1.0
CALLERS = 24
_ASK = "/mostek.erp.v1.ErpService/DescribeErp"


@dataclass
class Phase:
    """What was seen while something was repeated."""

    name: str
    repetitions: int
    #: How often both sides are looked at.
    looks: int
    samples: dict[str, list[Sample]] = field(default_factory=lambda: {side: [] for side in SIDES})
    ends: Counter[str] = field(default_factory=Counter)


@dataclass
class World:
    """A hub and a connector as processes, a relay between them."""

    folder: Path
    link: int
    http: int
    site: int
    relay: Relay
    channel: grpc.aio.Channel

    async def sampled(self, phase: Phase) -> None:
        """Let both sides come to rest, and look at them."""
        await asyncio.sleep(REST)
        for side in SIDES:
            phase.samples[side].append(await asyncio.to_thread(sample, self.folder / side))

    async def warm(self, calls: int) -> None:
        """Let so many calls through, so that what grows up to a bound of its own is full."""

        async def some() -> None:
            for _ in range(calls // CALLERS):
                await self.reachable()

        await asyncio.gather(*(some() for _ in range(CALLERS)))

    async def reachable(self) -> None:
        """Until a call comes through. Raises TimeoutError."""
        ask: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = self.channel.unary_unary(_ASK)
        async with asyncio.timeout(20):
            while True:
                with contextlib.suppress(grpc.aio.AioRpcError):
                    await ask(b"", metadata=((CONNECTOR, "soak"),), timeout=5)
                    return
                await asyncio.sleep(0.002)


@contextlib.asynccontextmanager
async def world(folder: Path, warm_up: int) -> AsyncIterator[World]:
    """Started, reachable, and after so many calls."""
    api, link, http = free_ports(3)
    hub = {
        "MOSTEK_HUB_API": f"127.0.0.1:{api}",
        "MOSTEK_HUB_LINK": f"127.0.0.1:{link}",
        "MOSTEK_HUB_HTTP": f"127.0.0.1:{http}",
        "MOSTEK_HUB_DATABASE": f"sqlite:///{folder}/hub.sqlite",
        "MOSTEK_HUB_KEY_FILE": str(folder / "hub.keys"),
        "MOSTEK_HUB_LOG_LEVEL": "warning",
        "MOSTEK_HUB_INSECURE": "true",
    }
    launch = ("soak.launch", str(folder / "hub"), "mostek.hub", "serve")
    relay = Relay(link)
    with process(folder / "hub.log", *launch, **hub):
        wait_for_port(api)
        async with relay.running() as port:
            address = f"127.0.0.1:{port}"
            launch = ("soak.launch", str(folder / "connector"), "soak.site", address)
            with process(folder / "connector.log", *launch, str(folder / "state")) as site:
                async with grpc.aio.insecure_channel(f"127.0.0.1:{api}") as channel:
                    made = World(folder, link, http, site.pid, relay, channel)
                    await made.reachable()
                    await made.warm(warm_up)
                    yield made


async def _repeat(
    at: World, phase: Phase, together: int, once: Callable[[int], Awaitable[None]]
) -> Phase:
    """Sampled at equal distances."""
    numbers = iter(range(phase.repetitions))
    await at.sampled(phase)
    for step in range(1, phase.looks):
        until = phase.repetitions * step // (phase.looks - 1)

        async def some(until: int = until) -> None:
            for number in numbers:
                await once(number)
                if number + together >= until:
                    return

        await asyncio.gather(*(some() for _ in range(together)))
        await at.sampled(phase)
    return phase


async def reconnects(at: World, repetitions: int, looks: int) -> Phase:
    """The connection is cut, the connector leaves and comes again, and another session of its instance takes over."""
    phase = Phase("reconnects", repetitions, looks)
    instance = (at.folder / "state" / "instance").read_text(encoding="ascii").strip()
    ways: dict[str, Callable[[World], Awaitable[None]]] = {
        "cut": _cut,
        "left": _leave,
        "replaced": partial(_replace, instance),
    }

    async def once(number: int) -> None:
        name = list(ways)[number % len(ways)]
        before = at.relay.accepted
        await ways[name](at)
        async with asyncio.timeout(20):
            while at.relay.accepted == before:  # noqa: ASYNC110 - what is waited for is in other processes
                await asyncio.sleep(0.001)
        await at.reachable()
        phase.ends[name] += 1

    return await _repeat(at, phase, 1, once)


async def _cut(at: World) -> None:
    at.relay.cut()


async def _leave(at: World) -> None:
    os.kill(at.site, signal.SIGHUP)


async def _replace(instance: str, at: World) -> None:
    """Say Hello as the same instance; the hub tells the real one to go, and that replaces this one in its turn."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{at.link}") as channel:
        call = LinkServiceStub(channel).Connect()
        hello = Hello(revision=REVISION, connector="soak", instance=instance, slots=1)
        await call.write(ConnectorToHub(hello=hello))
        await call.read()
        call.cancel()


async def abandoned(at: World, repetitions: int, looks: int) -> Phase:
    """Callers leave in every way that there is; some stay."""
    phase = Phase("abandoned calls", repetitions, looks)
    callers = Callers(at.channel, at.http)
    await _repeat(at, phase, CALLERS, callers.one)
    phase.ends = callers.ends
    return phase
