"""One run: load and faults for a time, then peace until all is settled, then the verdict."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import httpx

from chaos.asked import Ledger
from chaos.callers import Callers
from chaos.faults import Injector, kinds_of, schedule
from chaos.journals import journal_findings
from chaos.network import Network
from chaos.reads import Reads
from chaos.report import Report, progress
from chaos.verdict import findings
from chaos.world import World, running
from mostek.admin.v1 import admin_service_pb2 as admin
from mostek.client import Client
from mostek.wire.failures import CommandFailure

__all__ = ["run"]

#: Seconds between heartbeats; a short run has them closer, so that it sees what their absence does.
_HEARTBEAT = 3.0
#: Seconds after the last fault within which every write has to have an end.
_SETTLE_WITHIN = 240.0
_WAITING = (
    admin.COMMAND_STATE_RECORDED,
    admin.COMMAND_STATE_SENT,
    admin.COMMAND_STATE_IN_DOUBT,
)


async def run(report: Report, network: Network, build: Path) -> None:
    """Do it, and fill in the report; the ledger and the timeline are left in `build`."""
    with tempfile.TemporaryDirectory(prefix="mostek-chaos-") as folder:
        try:
            heartbeat = min(_HEARTBEAT, report.seconds / 10)
            async with running(Path(folder), network, heartbeat, report.hubs) as parts:
                world, client, http = parts
                await _run(report, world, client, http, build)
        finally:
            _keep_logs(Path(folder), build)


def _keep_logs(folder: Path, build: Path) -> None:
    for log in folder.glob("*.log"):
        (build / f"chaos-{log.name}").write_bytes(log.read_bytes())


async def _run(
    report: Report, world: World, client: Client, http: httpx.AsyncClient, build: Path
) -> None:
    kinds = kinds_of(world)
    with (
        Ledger(build / "chaos-ledger.jsonl") as ledger,
        contextlib.closing(Injector(kinds, build / "chaos.log")) as injector,
    ):
        reads = Reads(client, http)
        await reads.learn(world.erps)
        callers = Callers(client, http, world.erps, ledger, reads, report.seed)
        async with _showing(callers, reads, injector), _until_done(callers) as calling:
            faults = schedule(kinds, Random(f"{report.seed} faults"), report.seconds)
            await injector.run(faults)
            await asyncio.sleep(max(0.0, injector.began + report.seconds - time.monotonic()))
            injector.say("peace")
            await _settle(report, world, client, callers, calling)
        commands = await _commands(client)
        report.findings = findings(ledger.asked, ledger.told, commands, world.erps)
        known = await client.connectors()
        report.findings += journal_findings(world.states, known, commands)
        _fill(report, world, callers, reads, injector)


@contextlib.asynccontextmanager
async def _showing(callers: Callers, reads: Reads, injector: Injector) -> AsyncIterator[None]:
    def describe() -> str:
        done = callers.figures
        return f"{done.orders} orders, {done.answered} answers, {reads.answered} reads"

    showing = asyncio.create_task(progress(describe, lambda: injector.active))
    try:
        yield
    finally:
        showing.cancel()


@contextlib.asynccontextmanager
async def _until_done(callers: Callers) -> AsyncIterator[asyncio.Task[None]]:
    """The callers at work; a block that fails ends them too."""
    calling = asyncio.create_task(callers.run(), name="callers")
    try:
        yield calling
    finally:
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)


async def _settle(
    report: Report, world: World, client: Client, callers: Callers, calling: asyncio.Task[None]
) -> None:
    """Until every caller has its answer and no write is under way; not for ever."""
    began = time.monotonic()
    callers.stop()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_SETTLE_WITHIN):
            await world.online(client, _SETTLE_WITHIN)
            await asyncio.shield(calling)
            await _idle(client)
    report.settled_after = time.monotonic() - began
    callers.give_up()
    await calling


async def _idle(client: Client) -> None:
    """Until no write is under way."""
    request = admin.ListCommandsRequest(page_size=1, states=_WAITING)
    while True:
        with contextlib.suppress(CommandFailure):
            if not (await client.admin.ListCommands(request)).commands:
                return
        await asyncio.sleep(0.3)


async def _commands(client: Client) -> list[admin.Command]:
    """All that the hub recorded."""
    found: list[admin.Command] = []
    request = admin.ListCommandsRequest(page_size=1000)
    while True:
        page = await client.admin.ListCommands(request)
        found += page.commands
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token


def _fill(report: Report, world: World, callers: Callers, reads: Reads, injector: Injector) -> None:
    figures = callers.figures
    report.orders, report.customers = figures.orders, figures.customers
    report.answers, report.failures = figures.answered, figures.failures + reads.failures
    report.reads, report.reads_answered = reads.asked, reads.answered
    report.reads_wrong = reads.wrong
    report.documents = sum(len(erp.documents()) for erp in world.erps.values())
    report.faults = injector.counts
    report.crashes = sum((process.crashes for process in world.processes), Counter[str]())
    report.exits = {process.name: dict(process.exits) for process in world.processes}
