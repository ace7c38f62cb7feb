"""`make scaling`: what one replica of several carries, and what the database has to do for it; docs/scaling.md.

Absolute figures of the machine at hand: two hubs, PostgreSQL, a connector or a crowd of them and the callers share it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from pathlib import Path
from subprocess import Popen

import grpc
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from bench.proc import cpu_seconds, memory, raise_open_files
from bench.processes import process, wait_for_port
from bench.quiet import wait_until_quiet
from bench.sessions import crowd
from bench.transport import AUTHORITY, make_authority
from chaos.postgresql import PostgreSql
from chaos.processes import free_ports
from mostek.erp.v1.customer_pb2 import CreateCustomerRequest, CustomerDraft
from mostek.hub.config import HubConfig
from mostek.hub.keyring import add_key
from mostek.wire.loop import run
from mostek.wire.names import CONNECTOR, IDEMPOTENCY_KEY

SESSIONS = 2000
CALLERS = 64
SECONDS = 5.0
IDLE = 20.0
BUILD = Path(__file__).parents[1] / "build"

Ask = Callable[[], Awaitable[object]]
Figures = dict[str, float]


class Pair:
    """Two replicas, and their database. `authority`: a file, for TLS."""

    def __init__(self, folder: Path, server: PostgreSql, name: str, authority: Path | None) -> None:
        self.folder = folder
        self.url = f"{server.url}/{name}"
        self.keys = folder / "hub.keys"
        self.authority = authority
        ports = free_ports(4)
        self.api, self.link = ports[:2], ports[2:]

    @contextlib.contextmanager
    def running(self) -> Iterator[list[Popen[bytes]]]:
        with contextlib.ExitStack() as stack:
            hubs = [stack.enter_context(self._hub(number)) for number in range(2)]
            for port in (*self.api, *self.link):
                wait_for_port(port)
            yield hubs

    def _hub(self, number: int) -> contextlib.AbstractContextManager[Popen[bytes]]:
        hub = {
            "MOSTEK_HUB_API": f"127.0.0.1:{self.api[number]}",
            "MOSTEK_HUB_LINK": f"127.0.0.1:{self.link[number]}",
            "MOSTEK_HUB_HTTP": "127.0.0.1:0",
            "MOSTEK_HUB_INTERNAL": "127.0.0.1:0",
            "MOSTEK_HUB_DATABASE": self.url,
            "MOSTEK_HUB_KEY_FILE": str(self.keys),
            "MOSTEK_HUB_LOG_LEVEL": "warning",
        }
        if self.authority is None:
            hub["MOSTEK_HUB_INSECURE"] = "true"
        return process(self.folder / f"hub-{number}.log", "mostek.hub", "serve", **hub)


def measure_sessions(pair: Pair, server: PostgreSql) -> Figures:
    """Many sessions with one replica: memory of both, time to come, and what goes on while nothing happens."""
    assert pair.authority is not None
    shown = {AUTHORITY: str(pair.authority)}
    with pair.running() as hubs, crowd(pair.folder, pair.link[0], "first", 100, "0", shown) as few:
        few.wait_online()
        time.sleep(5.0)
        before, began = [memory(hub.pid) for hub in hubs], time.monotonic()
        with crowd(pair.folder, pair.link[0], "more", SESSIONS, "0", shown) as many:
            many.wait_online(120.0)
            came = time.monotonic() - began
            time.sleep(5.0)
            after = [memory(hub.pid) for hub in hubs]
            idle = _idle(pair, hubs, server)
    return idle | {
        "session_bytes_here": (after[0] - before[0]) / SESSIONS,
        "session_bytes_at_the_other": (after[1] - before[1]) / SESSIONS,
        "sessions_that_come_per_s": SESSIONS / came,
    }


def _idle(pair: Pair, hubs: list[Popen[bytes]], server: PostgreSql) -> Figures:
    cpu, work = [cpu_seconds(hub.pid) for hub in hubs], _transactions(pair.url)
    busy = server.cpu_seconds()
    time.sleep(IDLE)
    return {
        "idle_cpu_percent_with_sessions": 100 * (cpu_seconds(hubs[0].pid) - cpu[0]) / IDLE,
        "idle_cpu_percent_without": 100 * (cpu_seconds(hubs[1].pid) - cpu[1]) / IDLE,
        "idle_transactions_per_s_of_two": (_transactions(pair.url) - work) / IDLE,
        "idle_database_cpu_percent": 100 * (server.cpu_seconds() - busy) / IDLE,
    }


def _transactions(url: str) -> float:
    async def ask() -> float:
        engine = create_async_engine(url.replace("postgresql:", "postgresql+asyncpg:"))
        query = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
        async with engine.connect() as connection:
            found = (await connection.execute(text(query))).scalar_one()
        await engine.dispose()
        return float(found)

    return asyncio.run(ask())


def measure_calls(pair: Pair, server: PostgreSql) -> Figures:
    """Reads and writes of a connector that is with the replica asked, and with the other one."""
    with pair.running() as hubs:
        link = f"127.0.0.1:{pair.link[0]}"
        log, state = pair.folder / "noop.log", str(pair.folder / "state")
        with process(log, "bench.noop", link, state):
            return run(_calls(pair, hubs, server))


async def _calls(pair: Pair, hubs: list[Popen[bytes]], server: PostgreSql) -> Figures:
    figures: Figures = {}
    async with contextlib.AsyncExitStack() as stack:
        for where, port in zip(("here", "elsewhere"), pair.api, strict=True):
            opened = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
            channel = await stack.enter_async_context(opened)
            for what, ask in (("read", _read(channel)), ("write", _write(channel, where))):
                await _ready(ask)
                wait_until_quiet()
                figures[f"{what}_{where}_p50_ms"] = 1000 * await _p50(ask)
                before = sum(cpu_seconds(hub.pid) for hub in hubs), server.cpu_seconds()
                done = await _many(ask)
                figures[f"{what}_{where}_per_s"] = done / SECONDS
                ours = sum(cpu_seconds(hub.pid) for hub in hubs) - before[0]
                figures[f"{what}_{where}_hub_cpu_ms"] = 1000 * ours / done
                figures[f"{what}_{where}_database_cpu_ms"] = (
                    1000 * (server.cpu_seconds() - before[1]) / done
                )
    return figures


def _read(channel: grpc.aio.Channel) -> Ask:
    ask: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
        "/mostek.erp.v1.ErpService/DescribeErp"
    )
    return lambda: ask(b"", metadata=((CONNECTOR, "noop"),), timeout=30)


def _write(channel: grpc.aio.Channel, where: str) -> Ask:
    ask: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
        "/mostek.erp.v1.ErpService/CreateCustomer"
    )
    request = CreateCustomerRequest(customer=CustomerDraft(name="N")).SerializeToString()
    numbers = count()

    def once() -> Awaitable[object]:
        key = (IDEMPOTENCY_KEY, f"{where}-{next(numbers)}")
        return ask(request, metadata=((CONNECTOR, "noop"), key), timeout=30)

    return once


async def _ready(ask: Ask) -> None:
    for _ in range(100):
        with contextlib.suppress(grpc.aio.AioRpcError):
            await ask()
            return
        await asyncio.sleep(0.1)
    raise TimeoutError("the connector does not answer")


async def _p50(ask: Ask) -> float:
    spans, ends = [], time.perf_counter() + SECONDS
    while (now := time.perf_counter()) < ends:
        await ask()
        spans.append(time.perf_counter() - now)
    return statistics.median(spans)


async def _many(ask: Ask) -> int:
    done, ends = 0, time.perf_counter() + SECONDS

    async def caller() -> None:
        nonlocal done
        while time.perf_counter() < ends:
            await ask()
            done += 1

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return done


def main() -> None:
    """Measure, print, and write build/scaling.json."""
    raise_open_files(2 * SESSIONS)
    with tempfile.TemporaryDirectory() as folder, PostgreSql(synced=True) as server:
        pairs = []
        for name in ("sessions", "calls"):
            asyncio.run(_create(server, name))
            place = Path(folder) / name
            place.mkdir()
            authority = place / "authority.pem" if name == "sessions" else None
            pair = Pair(place, server, name, authority)
            add_key(pair.keys)
            if authority is not None:
                make_authority(authority, HubConfig(database=pair.url, key_file=str(pair.keys)))
            pairs.append(pair)
        figures: Figures = {}
        for measure, pair in ((measure_calls, pairs[1]), (measure_sessions, pairs[0])):
            measured = measure(pair, server)
            figures |= measured
            for name, value in measured.items():
                print(f"{name:34} {value:12,.2f}", flush=True)
    BUILD.mkdir(exist_ok=True)
    (BUILD / "scaling.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


async def _create(server: PostgreSql, name: str) -> None:
    url = server.url.replace("postgresql:", "postgresql+asyncpg:") + "/postgres"
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name}"))
    await engine.dispose()


if __name__ == "__main__":
    main()
