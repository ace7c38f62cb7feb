"""A small call while exports run on the same connector, against the same call alone."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc

from bench.export import world
from bench.figure import Figure
from bench.processes import process
from bench.quiet import wait_until_quiet
from mostek.erp.v1.customer_pb2 import GetCustomerRequest
from mostek.wire.names import CONNECTOR
from mostek_subiekt.sandbox import create

__all__ = ["measure_small"]

PRODUCTS = 20_000
EXPORTS = 8
ROUNDS = 3
SECONDS = 6.0
#: Between calls: a caller that asks without a pause would measure its own queue.
PAUSE = 0.005


def measure_small(folder: Path, say: Callable[[str], None]) -> list[Figure]:
    """p99 through the whole way: API, hub, link, connector, SQL."""
    create(folder / "erp.sqlite", customers=100, products=PRODUCTS, invoices=100)
    ratios, idle, busy, pages = [], [], [], []
    with world(folder) as api:
        for number in range(1, ROUNDS + 1):
            wait_until_quiet()
            idle.append(asyncio.run(_p99(api)))
            with _exports(folder, api) as log:
                before = _pages(log)
                busy.append(asyncio.run(_p99(api)))
                pages.append((_pages(log) - before) / SECONDS)
            ratios.append(busy[-1] / idle[-1])
            say(f"small_call: round {number} of {ROUNDS}")
    detail = {
        "idle_p99_us": statistics.median(idle) * 1e6,
        "busy_p99_us": statistics.median(busy) * 1e6,
        "pages_per_s": statistics.median(pages),
    }
    name = f"small_call_p99_beside_{EXPORTS}_exports"
    return [Figure(name, statistics.median(ratios), 3.0, "lower", detail)]


async def _p99(api: int) -> float:
    spans = []
    async with grpc.aio.insecure_channel(f"127.0.0.1:{api}") as channel:
        ask: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            "/mostek.erp.v1.ErpService/GetCustomer"
        )
        request = GetCustomerRequest(id="1").SerializeToString()
        ends = time.perf_counter() + SECONDS
        while (began := time.perf_counter()) < ends:
            await ask(request, metadata=((CONNECTOR, "acme"),), timeout=30)
            spans.append(time.perf_counter() - began)
            await asyncio.sleep(PAUSE)
    return statistics.quantiles(spans, n=100)[98]


@contextlib.contextmanager
def _exports(folder: Path, api: int) -> Iterator[Path]:
    log = folder / "exporters.log"
    with process(log, "bench.exporters", f"127.0.0.1:{api}", "acme", str(EXPORTS)):
        ends = time.monotonic() + 30
        while _pages(log) < 2 * EXPORTS:
            if time.monotonic() > ends:
                raise TimeoutError(f"no exports: {log.read_text(encoding='utf-8')[-1000:]}")
            time.sleep(0.1)
        yield log


def _pages(log: Path) -> int:
    lines = log.read_text(encoding="utf-8").split("\n")[:-1]
    return int(lines[-1]) if lines and lines[-1].isdecimal() else 0
