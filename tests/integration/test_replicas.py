"""Several hubs on one PostgreSQL, in one event loop: they answer for one another."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from mostek.client import Client
from mostek.erp.v1.customer_pb2 import CreateCustomerRequest, CustomerDraft, GetCustomerRequest
from mostek.hub.hub import Hub
from mostek.hub.keyring import add_key

from .conftest import World, hub_config


@dataclass
class Several:
    """Hubs that work on one database; each world dials its own."""

    worlds: list[World]

    def __getitem__(self, index: int) -> World:
        return self.worlds[index]


@pytest.fixture
async def several(postgresql_database: str, tmp_path: Path) -> AsyncIterator[Several]:
    async with contextlib.AsyncExitStack() as stack:
        worlds = []
        add_key(tmp_path / "hub.keys")
        for _ in range(3):
            config = hub_config(
                tmp_path,
                database=postgresql_database,
                internal="127.0.0.1:0",
                lease=2.0,
                drain_grace=2.0,
                return_grace=5.0,
            )
            hub = Hub(config)
            addresses = await stack.enter_async_context(hub.running())
            client = await stack.enter_async_context(Client(addresses.api))
            worlds.append(World(hub, addresses, client, tmp_path, {}))
        yield Several(worlds)


async def everywhere(several: Several, name: str = "acme", sessions: int = 1) -> None:
    """Wait until every replica knows of the connector's sessions."""
    async with asyncio.timeout(5):
        for world in several.worlds:
            while True:
                found = [c for c in await world.client.connectors() if c.name == name]
                if found and len(found[0].sessions) == sessions:
                    break
                await asyncio.sleep(0.01)


async def create(world: World, name: str, key: str = "", timeout: float = 10) -> str:
    acme = world.client.connector("acme").with_key(key or name)
    request = CreateCustomerRequest(customer=CustomerDraft(name=name))
    return (await acme.CreateCustomer(request, timeout=timeout)).customer.id


async def test_a_read_is_answered_by_any_replica_over_grpc_and_http(several: Several) -> None:
    async with several[0].connector():
        await everywhere(several)
        for world in several.worlds:
            answer = await world.client.connector("acme").GetCustomer(GetCustomerRequest(id="7"))
            assert answer.customer.id == "7"
            async with httpx.AsyncClient(base_url=f"http://{world.addresses.http}") as http:
                got = await http.get("/v1/connectors/acme/companies/-/customers/8")
            assert got.json()["customer"]["id"] == "8"


async def test_a_write_is_recorded_by_any_replica_and_executed_once(several: Several) -> None:
    async with several[0].connector():
        await everywhere(several)
        ids = await asyncio.gather(*(create(world, "ada") for world in several.worlds))
        assert ids == ["1", "1", "1"]
        assert several[0].plugin.calls == 1
