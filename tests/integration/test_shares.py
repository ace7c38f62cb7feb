"""What one connector's callers ask for does not take the hub from another's."""

from __future__ import annotations

import asyncio
from pathlib import Path

from mostek.client import Client
from mostek.client import Connector as Site
from mostek.erp.v1.customer_pb2 import GetCustomerRequest, ListCustomersRequest
from mostek.hub.hub import Hub
from mostek.wire.failures import Overloaded

from .conftest import World, hub_config

MEGABYTE = 1024 * 1024


async def _page(site: Site) -> int:
    """A page of 3 MB."""
    page = await site.ListCustomers(ListCustomersRequest(text="large"), timeout=30)
    return len(page.customers[0].name)


async def test_one_connector_s_large_pages_leave_room_for_another_s(tmp_path: Path) -> None:
    hub = Hub(hub_config(tmp_path, result_budget=24 * MEGABYTE))
    refused: list[Overloaded] = []
    most = 0

    async def hammer(site: Site) -> None:
        nonlocal most
        while True:
            try:
                await _page(site)
            except Overloaded as failure:
                refused.append(failure)
                await asyncio.sleep(0.01)
            most = max(most, hub.budget.used)

    async with hub.running() as addresses, Client(addresses.api) as client:
        world = World(hub, addresses, client, tmp_path, {})
        async with (
            world.connector("greedy", slots=64, threads=16),
            world.connector("modest"),
            asyncio.TaskGroup() as group,
        ):
            greedy, modest = client.connector("greedy"), client.connector("modest")
            callers = [group.create_task(hammer(greedy)) for _ in range(16)]
            await world.until(lambda: bool(refused), seconds=20)
            for _ in range(5):
                assert await _page(modest) == 3_000_000
                await modest.GetCustomer(GetCustomerRequest(id="7"))
            for caller in callers:
                caller.cancel()
        await world.until(lambda: hub.budget.used == 0)
    # It was refused because of its share, not because all was gone.
    assert most <= 24 * MEGABYTE - 3 * MEGABYTE
    assert all(failure.retriable and failure.retry_after for failure in refused)
