"""A call through hub and connector against the bare calls that it consists of."""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc

from bench.figure import Figure
from bench.processes import process, wait_for_port
from bench.quiet import wait_until_quiet
from chaos.processes import free_ports
from mostek.wire.names import CONNECTOR

__all__ = ["measure_calls"]

ROUNDS = 7
CALLERS = 64
SYNCS = 100

Ask = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class Ports:
    """Where everything listens."""

    echo: int
    relay: int
    api: int
    link: int


@contextlib.contextmanager
def _world(folder: Path) -> Iterator[Ports]:
    ports = Ports(*free_ports(4))
    hub = {
        "MOSTEK_HUB_API": f"127.0.0.1:{ports.api}",
        "MOSTEK_HUB_LINK": f"127.0.0.1:{ports.link}",
        "MOSTEK_HUB_HTTP": "127.0.0.1:0",
        "MOSTEK_HUB_DATABASE": f"sqlite:///{folder}/hub.sqlite",
        "MOSTEK_HUB_KEY_FILE": str(folder / "hub.keys"),
        "MOSTEK_HUB_INSECURE": "true",
    }
    with contextlib.ExitStack() as stack:
        start = stack.enter_context
        start(process(folder / "echo.log", "bench.reference", "echo", str(ports.echo)))
        start(process(folder / "relay.log", "bench.reference", "relay", str(ports.relay)))
        start(process(folder / "hub.log", "mostek.hub", "serve", **hub))
        for port in (ports.echo, ports.relay, ports.link, ports.api):
            wait_for_port(port)
        start(process(folder / "far.log", "bench.reference", "far", str(ports.relay)))
        link = f"127.0.0.1:{ports.link}"
        start(process(folder / "noop.log", "bench.noop", link, str(folder / "state")))
        yield ports


async def measure_calls(folder: Path, seconds: float, say: Callable[[str], None]) -> list[Figure]:
    """Latency of one caller and throughput of many, our way and the bare way in turns."""
    with _world(folder) as ports:
        async with contextlib.AsyncExitStack() as stack:
            return await _measure(ports, folder, stack, seconds, say)


async def _measure(
    ports: Ports,
    folder: Path,
    stack: contextlib.AsyncExitStack,
    seconds: float,
    say: Callable[[str], None],
) -> list[Figure]:
    async def channel(port: int) -> grpc.aio.Channel:
        return await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{port}"))

    echo, relay, api = [await channel(port) for port in (ports.echo, ports.relay, ports.api)]
    unary, relayed = _unary(echo, "/bare/Unary"), _unary(relay, "/bare/Unary")
    pong = _ping_pong(echo)
    ours = _unary(api, "/mostek.erp.v1.ErpService/DescribeErp", b"")
    threaded = _unary(api, "/mostek.erp.v1.ErpService/GetCustomer", b"\x0a\x017")
    for ask in (unary, pong, relayed, ours, threaded):
        await _ready(ask)
    alone: dict[str, list[float]] = {}
    many: dict[str, list[float]] = {}
    for number in range(1, ROUNDS + 1):
        wait_until_quiet()
        for name, ask in (("unary", unary), ("pong", pong), ("ours", ours), ("threaded", threaded)):
            alone.setdefault(name, []).append(await _p50(ask, seconds))
        alone.setdefault("sync", []).append(_sync(folder / "synced"))
        for name, ask in (("relay", relayed), ("ours", ours), ("threaded", threaded)):
            many.setdefault(name, []).append(await _throughput(ask, seconds))
        say(f"calls: round {number} of {ROUNDS}")
    return _figures(alone, many)


def _figures(alone: dict[str, list[float]], many: dict[str, list[float]]) -> list[Figure]:
    p50 = {name: statistics.median(values) for name, values in alone.items()}
    rate = {name: statistics.median(values) for name, values in many.items()}
    bare = p50["unary"] + p50["pong"]

    def latency(name: str, label: str) -> Figure:
        ratio = statistics.median(
            mine / (one + two)
            for mine, one, two in zip(alone[name], alone["unary"], alone["pong"], strict=True)
        )
        detail = {"ours_us": p50[name] * 1e6, "bare_us": bare * 1e6, "sync_us": p50["sync"] * 1e6}
        return Figure(label, ratio, 1.4, "lower", detail)

    def throughput(name: str, label: str) -> Figure:
        ratio = statistics.median(
            mine / bare for mine, bare in zip(many[name], many["relay"], strict=True)
        )
        detail = {"ours_per_s": rate[name], "relay_per_s": rate["relay"]}
        return Figure(label, ratio, 0.7, "higher", detail)

    return [
        latency("ours", "call_p50"),
        throughput("ours", f"calls_at_{CALLERS}"),
        latency("threaded", "call_p50_blocking_plugin"),
        throughput("threaded", f"calls_at_{CALLERS}_blocking_plugin"),
    ]


def _unary(channel: grpc.aio.Channel, method: str, request: bytes = b"x" * 16) -> Ask:
    ask: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)
    metadata = ((CONNECTOR, "noop"),)
    return lambda: ask(request, metadata=metadata, timeout=30)


def _ping_pong(channel: grpc.aio.Channel) -> Ask:
    method: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream("/bare/Stream")
    call = method()

    async def ask() -> object:
        await call.write(b"x" * 64)
        return await call.read()

    return ask


async def _ready(ask: Ask) -> None:
    for attempt in range(100):
        try:
            await ask()
        except grpc.aio.AioRpcError:
            if attempt == 99:
                raise
            await asyncio.sleep(0.1)
        else:
            break
    for _ in range(200):
        await ask()


async def _p50(ask: Ask, seconds: float) -> float:
    spans = []
    ends = time.perf_counter() + seconds
    while (now := time.perf_counter()) < ends:
        await ask()
        spans.append(time.perf_counter() - now)
    return statistics.median(spans)


def _sync(file: Path) -> float:
    """The p50 of an append that is synced: each of our calls waits for one, for its entry in the site's journal."""
    spans = []
    with file.open("ab", buffering=0) as opened:
        for _ in range(SYNCS):
            began = time.perf_counter()
            opened.write(b"x" * 300)
            os.fsync(opened.fileno())
            spans.append(time.perf_counter() - began)
    return statistics.median(spans)


async def _throughput(ask: Ask, seconds: float) -> float:
    done = 0
    began = time.perf_counter()
    ends = began + seconds

    async def caller() -> None:
        nonlocal done
        while time.perf_counter() < ends:
            await ask()
            done += 1

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return done / (time.perf_counter() - began)
