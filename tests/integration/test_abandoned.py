"""Reads whose callers leave, at any stage and by either API: slots, credit, bytes, connections and tasks come back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import httpx
import pytest

from mostek.client import Connector as Site
from mostek.connector.companies import Company
from mostek.connector.config import CompanyConfig, Config, ConnectorConfig
from mostek.connector.config import HubConfig as DialConfig
from mostek.connector.connector import Connector
from mostek.connector.link import Backoff, Link
from mostek.erp.v1.customer_pb2 import GetCustomerRequest, ListCustomersRequest
from mostek.erp.v1.product_pb2 import ListProductsRequest, ListProductsResponse
from mostek.plugin.plugin import NoConfig, Plugin
from mostek.plugin.plugin import Site as PluginSite
from mostek.wire.failures import CommandFailure
from mostek_subiekt.config import SubiektConfig
from mostek_subiekt.gt import SubiektGt
from mostek_subiekt.sandbox import create

from .conftest import Notebook, World

AT = "/v1/connectors/acme/companies/-"
COUNT = 6


@dataclass
class Counted:
    """Both sides of one connector, for what they hold."""

    world: World
    link: Link
    plugin: Plugin

    def held(self) -> dict[str, int]:
        """All that a call takes while it runs."""
        [here] = self.world.acme.sessions
        [there] = self.link._sessions.values()
        runner = self.link._runner
        pools = (runner._threads, runner._pages)
        database = getattr(self.plugin, "database", None)
        return {
            "slots": len(here.rules.outstanding),
            "callers": len(here._waiting) + len(here._watching),
            "unsent at the hub": len(here.rules.outbox.waiting),
            "bytes": self.world.hub.budget.used,
            "streams": len(self.world.hub.link._streams),
            "commands": len(there.rules.running) + len(there._commands),
            "unsent at the site": len(there.rules.outbox.waiting),
            "contexts": len(runner._contexts),
            "queued for a thread": sum(pool._work_queue.qsize() for pool in pools),
            "connections": database._readers.used if database else 0,
            "tasks": len(asyncio.all_tasks()),
            "files": len(list(Path("/proc/self/fd").iterdir())),
        }


@contextlib.asynccontextmanager
async def _counted(world: World, plugin: Plugin, threads: int = 2) -> AsyncIterator[Counted]:
    config = Config(
        hub=DialConfig(link=world.addresses.link, insecure=True),
        connector=ConnectorConfig(
            name="acme", state=world.state / "acme", slots=64, threads=threads, stop_grace=2.0
        ),
        companies={"main": CompanyConfig(plugin="any")},
    )
    connector = Connector(config, [Company("main", "any", plugin)], Backoff(longest=0.1))
    async with connector.running() as link:
        await world.until(lambda: world.online("acme"))
        yield Counted(world, link, plugin)


@pytest.fixture
async def http(world: World) -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_keepalive_connections=0)
    base = f"http://{world.addresses.http}"
    async with httpx.AsyncClient(base_url=base, trust_env=False, limits=limits) as opened:
        yield opened


@pytest.mark.parametrize("api", ["grpc", "http"])
@pytest.mark.parametrize("stage", ["queued", "running", "streaming"])
async def test_reads_abandoned_at_any_stage_leave_nothing_behind(
    world: World, http: httpx.AsyncClient, api: str, stage: str
) -> None:
    plugin = Notebook(NoConfig(), PluginSite("main", world.state))
    async with _counted(world, plugin) as counted:
        acme = world.client.connector("acme")

        async def call(what: str) -> None:
            with contextlib.suppress(CommandFailure):
                if api == "http":
                    path = f"/customers/{what}" if what != "large" else "/customers?text=large"
                    await http.get(AT + path, timeout=30)
                elif what == "large":
                    await acme.ListCustomers(ListCustomersRequest(text="large"))
                else:
                    await acme.GetCustomer(GetCustomerRequest(id=what))

        await call("7")
        await call("large")
        [session] = world.acme.sessions
        before = counted.held()
        for _ in range(2):
            plugin.gate.clear()
            stopped = {
                "queued": lambda: len(session.rules.outstanding) == 2 + COUNT,
                "running": lambda: len(session.rules.outstanding) == 2,
                "streaming": lambda: world.hub.budget.used > 0,
            }[stage]
            what = {"queued": ["slow"] * (2 + COUNT), "running": ["slow"] * 2}
            calls = [asyncio.create_task(call(one)) for one in what.get(stage, ["large"] * COUNT)]
            await world.until(stopped)
            assert any(counted.held()[name] > before[name] for name in ("slots", "bytes"))
            for one in calls:
                one.cancel()
            await asyncio.wait(calls)
            await _back(counted, before)
        await call("7")


async def _back(counted: Counted, before: dict[str, int]) -> None:
    """Until no more is held than before: then a connection of the callers' own may have been closing still."""

    def more() -> dict[str, int]:
        return {what: held for what, held in counted.held().items() if held > before[what]}

    with contextlib.suppress(TimeoutError):
        await counted.world.until(lambda: not more())
    assert more() == {}


async def test_reads_of_a_database_abandoned_at_any_moment_leave_nothing_behind(
    world: World, http: httpx.AsyncClient
) -> None:
    file = world.state / "erp.sqlite"
    create(file, customers=50, products=2000, invoices=50)
    settings = SubiektConfig.model_validate({"database": {"kind": "sqlite", "path": str(file)}})
    plugin = SubiektGt(settings, PluginSite("main", world.state))
    draw = Random(3)
    async with _counted(world, plugin, threads=4) as counted:
        acme = world.client.connector("acme")
        for whole in (_page(acme), _export(http)):
            await whole
        before = counted.held()
        for _ in range(12):
            running: list[asyncio.Task[object]] = [
                *(asyncio.create_task(_page(acme)) for _ in range(4)),
                *(asyncio.create_task(_export(http)) for _ in range(2)),
            ]
            await asyncio.sleep(draw.uniform(0.0, 0.15))
            for one in running:
                one.cancel()
            await asyncio.wait(running)
        await _back(counted, before)
        assert len((await _page(acme)).products) == 1000


async def _page(acme: Site) -> ListProductsResponse:
    return await acme.ListProducts(ListProductsRequest(page_size=1000))


async def _export(http: httpx.AsyncClient) -> None:
    headers = {"Accept": "application/x-ndjson"}
    async with http.stream("GET", f"{AT}/products", headers=headers, timeout=30) as answer:
        async for _ in answer.aiter_lines():
            continue
