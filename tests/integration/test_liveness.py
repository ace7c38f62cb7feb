"""A peer that falls silent is noticed, also when its packets are dropped without a reset."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from mostek.client import Client
from mostek.erp.v1.customer_pb2 import GetCustomerRequest, ListCustomersRequest
from mostek.hub import session as session_module
from mostek.hub.hub import Hub
from mostek.link.v1.link_pb2 import (
    Company,
    ConnectorToHub,
    Heartbeat,
    Hello,
    HubToConnector,
    Status,
)
from mostek.link.v1.link_pb2_grpc import LinkServiceStub
from mostek.wire.failures import Offline

from .conftest import World, hub_config
from .wire import Wire


@pytest.fixture
async def quick(tmp_path: Path) -> AsyncIterator[tuple[World, Wire]]:
    """A hub with quick heartbeats, reached through a wire."""
    config = hub_config(tmp_path, heartbeat_interval=0.2, drain_grace=0.5)
    hub = Hub(config)
    async with hub.running() as addresses:
        wire = Wire(addresses.link)
        async with wire.running() as through, Client(addresses.api) as client:
            shown = type(addresses)(api=addresses.api, link=through, http=addresses.http)
            yield World(hub, shown, client, tmp_path, {}), wire


async def test_a_connector_behind_a_silent_wire_is_offline_soon_and_comes_back(
    quick: tuple[World, Wire],
) -> None:
    world, wire = quick
    async with world.connector():
        acme = world.client.connector("acme")
        call = asyncio.create_task(_slow(acme))
        await world.until(world.plugin.began.is_set)
        wire.silence()
        with pytest.raises(Offline):
            await call
        await world.until(lambda: not world.online("acme"))
        wire.restore()
        await world.until(lambda: world.online("acme"), seconds=10)
        assert (await acme.GetCustomer(GetCustomerRequest(id="7"))).customer.id == "7"
    world.plugin.gate.set()


async def _slow(acme: object) -> object:
    return await acme.GetCustomer(GetCustomerRequest(id="slow"))  # type: ignore[attr-defined]


async def test_a_session_stays_open_while_heartbeats_pass(quick: tuple[World, Wire]) -> None:
    world, _ = quick
    async with world.connector():
        [session] = world.acme.sessions
        await world.until(lambda: session.rules.round_trip > 0)
        dead_after = 3 * 0.2
        await asyncio.sleep(2 * dead_after)
        assert world.acme.sessions == [session]


async def test_abandoned_calls_leave_nothing_behind(world: World) -> None:
    async with world.connector(slots=32):
        acme = world.client.connector("acme")
        [session] = world.acme.sessions
        tasks_before = len(asyncio.all_tasks())
        for _ in range(10):
            calls = [asyncio.create_task(_slow(acme)) for _ in range(16)]
            await world.until(lambda: len(session.rules.outstanding) == 16)
            for call in calls:
                call.cancel()
            await asyncio.wait(calls)
            await world.until(lambda: not session.rules.outstanding)
            world.plugin.gate.clear()
        assert session._waiting == {}
        assert session._budget.used == 0
        await world.until(lambda: len(asyncio.all_tasks()) <= tasks_before)


async def test_a_connector_that_talks_but_does_not_read_is_given_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "SEND_WITHIN", 0.3)
    status = Status(companies=[Company(name="main", operations=["ListCustomers"])])
    hello = Hello(revision=1, connector="acme", instance="i", slots=200, status=status)

    async with grpc.aio.insecure_channel(world.addresses.link) as channel:
        call: grpc.aio.StreamStreamCall[ConnectorToHub, HubToConnector]
        call = LinkServiceStub(channel).Connect()
        await call.write(ConnectorToHub(hello=hello))
        await world.until(lambda: world.online("acme"))
        ids = [f"{number:0128}" for number in range(1000)]
        acme = world.client.connector("acme")
        calls = [
            asyncio.create_task(_list(acme, ListCustomersRequest(ids=ids))) for _ in range(100)
        ]
        async with asyncio.timeout(20):
            while world.online("acme"):
                with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
                    await call.write(ConnectorToHub(heartbeat=Heartbeat()))
                await asyncio.sleep(0.05)
        for ended in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(ended, Offline)
        call.cancel()


async def _list(acme: object, request: ListCustomersRequest) -> object:
    return await acme.ListCustomers(request)  # type: ignore[attr-defined]


async def test_health_and_reflection_are_served(channel: grpc.aio.Channel) -> None:
    health = health_pb2_grpc.HealthStub(channel)
    answer = await health.Check(health_pb2.HealthCheckRequest(service="mostek.erp.v1.ErpService"))
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    reflection = reflection_pb2_grpc.ServerReflectionStub(channel)
    asked = reflection_pb2.ServerReflectionRequest(list_services="")
    async for listed in reflection.ServerReflectionInfo(iter([asked])):
        names = {service.name for service in listed.list_services_response.service}
        assert {"mostek.erp.v1.ErpService", "mostek.admin.v1.AdminService"} <= names
