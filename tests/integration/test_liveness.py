"""A peer that falls silent is noticed, also when its packets are dropped without a reset."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from structlog.testing import capture_logs

from mostek.client import Client
from mostek.connector import link as link_module
from mostek.erp.v1.customer_pb2 import GetCustomerRequest, ListCustomersRequest
from mostek.erp.v1.erp_pb2 import DescribeErpRequest
from mostek.hub import session as session_module
from mostek.hub.config import HubConfig
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
from mostek.wire.failures import Expired, Offline
from mostek.wire.session import SessionSettings
from mostek.wire.session.common import MISSES

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


async def test_a_connector_that_fell_silent_is_no_error_of_the_hub(
    quick: tuple[World, Wire],
) -> None:
    world, wire = quick
    with capture_logs() as logs:
        async with world.connector():
            wire.silence()
            await world.until(lambda: not world.online("acme"))
            wire.restore()
    assert "connector does not answer" in [line["event"] for line in logs]
    assert [line for line in logs if line["log_level"] == "error"] == []


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


async def test_a_fault_with_one_session_keeps_no_other_from_its_heartbeats(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world.connector("acme"), world.connector("beta"):
        faulty, sound = world.hub.registry.sessions()
        asked: list[float] = []
        monkeypatch.setattr(faulty.rules, "tick", lambda now: 1 / 0)
        monkeypatch.setattr(sound.rules, "tick", asked.append)
        with capture_logs() as logs:
            world.hub.link.tick()
        assert len(asked) == 1
        assert [line["event"] for line in logs] == ["looking after a session failed"]


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
        assert world.hub.budget.used == 0
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


async def test_a_call_is_waited_for_by_one_task_however_many_methods_are_served(
    channel: grpc.aio.Channel,
) -> None:
    asked = health_pb2.HealthCheckRequest()
    await health_pb2_grpc.HealthStub(channel).Check(asked)
    # grpc.aio waits anew for all registered methods at each call; of ours that is the link's stream only.
    waiting = [repr(task) for task in asyncio.all_tasks()]
    assert sum("_request_registered_call" in task for task in waiting) == 1


async def test_health_and_reflection_are_served(channel: grpc.aio.Channel) -> None:
    health = health_pb2_grpc.HealthStub(channel)
    answer = await health.Check(health_pb2.HealthCheckRequest(service="mostek.erp.v1.ErpService"))
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    reflection = reflection_pb2_grpc.ServerReflectionStub(channel)
    asked = reflection_pb2.ServerReflectionRequest(list_services="")
    async for listed in reflection.ServerReflectionInfo(iter([asked])):
        names = {service.name for service in listed.list_services_response.service}
        assert {"mostek.erp.v1.ErpService", "mostek.admin.v1.AdminService"} <= names


@contextlib.asynccontextmanager
async def behind(
    tmp_path: Path, interval: float, wire: Callable[[str], Wire]
) -> AsyncIterator[tuple[World, Wire]]:
    """A hub with heartbeats so far apart, behind such a wire."""
    hub = Hub(hub_config(tmp_path, heartbeat_interval=interval, drain_grace=0.5))
    async with hub.running() as addresses:
        made = wire(addresses.link)
        async with made.running() as through, Client(addresses.api) as client:
            shown = type(addresses)(api=addresses.api, link=through, http=addresses.http)
            yield World(hub, shown, client, tmp_path, {}), made


async def test_heartbeats_keep_open_what_a_nat_would_forget(tmp_path: Path) -> None:
    async with (
        behind(tmp_path, 0.2, lambda hub: Wire(hub, forgets_after=0.7)) as (world, wire),
        world.connector(),
    ):
        await asyncio.sleep(1.6)
        acme = world.client.connector("acme")
        assert (await acme.GetCustomer(GetCustomerRequest(id="7"))).customer.id == "7"
        assert wire.flows == 1


async def test_without_heartbeats_a_nat_forgets_the_flow(tmp_path: Path) -> None:
    async with (
        behind(tmp_path, 15, lambda hub: Wire(hub, forgets_after=0.3)) as (world, _),
        world.connector(),
    ):
        await asyncio.sleep(0.7)
        acme = world.client.connector("acme")
        with pytest.raises(Expired):
            await acme.GetCustomer(GetCustomerRequest(id="7"), timeout=1.0)


async def test_a_flow_that_was_forgotten_is_known_dead_by_both_sides_and_replaced(
    tmp_path: Path,
) -> None:
    async with (
        behind(tmp_path, 0.5, lambda hub: Wire(hub, forgets_after=0.4)) as (world, wire),
        world.connector(),
    ):
        acme = world.client.connector("acme")
        [first] = world.acme.sessions
        world.plugin.gate.set()
        await world.until(wire.has_forgotten)
        # If the connector notices first, the read is sent once more, in its new session.
        with contextlib.suppress(Offline):
            await _slow(acme)
        assert first not in world.acme.sessions
        # The connector has noticed by itself: nobody could tell it.
        await world.until(lambda: wire.flows > 1 and world.online("acme"), seconds=10)
        assert await _answered(acme) == "7"


async def _answered(acme: Any) -> str:
    """Asked until it is: a flow in which nobody says anything is forgotten again before the next heartbeat."""
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(Offline, Expired):
                request = GetCustomerRequest(id="7")
                return str((await acme.GetCustomer(request, timeout=1.0)).customer.id)


class Middlebox:
    """Ends HTTP/2 on both of its sides, as a load balancer or an inspecting proxy does: whoever pings it is answered by
    it, also while nothing reaches the other side."""

    def __init__(self, hub: str) -> None:
        self.streams = 0
        self._hub = hub
        self._passing = asyncio.Event()
        self._passing.set()

    def silence(self) -> None:
        """Frames are taken and kept."""
        self._passing.clear()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        server = grpc.aio.server(options=[("grpc.http2.min_ping_interval_without_data_ms", 10)])
        handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]]
        handlers = {"Connect": grpc.stream_stream_rpc_method_handler(self._connect)}
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("mostek.link.v1.LinkService", handlers),)
        )
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(self._hub) as self._channel:
            yield f"127.0.0.1:{port}"
            await server.stop(None)

    async def _connect(
        self, frames: AsyncIterator[bytes], context: grpc.aio.ServicerContext[bytes, bytes]
    ) -> AsyncIterator[bytes]:
        self.streams += 1
        connect: grpc.aio.StreamStreamMultiCallable[bytes, bytes]
        connect = self._channel.stream_stream("/mostek.link.v1.LinkService/Connect")
        far = connect(self._passed(frames))
        try:
            async for frame in self._passed(far):
                yield frame
        finally:
            far.cancel()

    async def _passed(self, frames: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        async for frame in frames:
            await self._passing.wait()
            yield frame


async def test_a_middlebox_that_answers_pings_does_not_hide_that_nothing_gets_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Pings that nobody answered would end the connection after 0.1 s.
    pings = (("grpc.keepalive_time_ms", 100), ("grpc.keepalive_timeout_ms", 100))
    options = [option for option in link_module._OPTIONS if "keepalive" not in option[0]]
    monkeypatch.setattr(link_module, "_OPTIONS", (*options, *pings))
    hub = Hub(hub_config(tmp_path, heartbeat_interval=0.5, drain_grace=0.5))
    async with hub.running() as addresses, Client(addresses.api) as client:
        box = Middlebox(addresses.link)
        async with box.running() as through:
            shown = type(addresses)(api=addresses.api, link=through, http=addresses.http)
            world = World(hub, shown, client, tmp_path, {})
            async with world.connector():
                # An answer shows that the connector has been welcomed, too.
                await client.connector("acme").DescribeErp(DescribeErpRequest())
                began = asyncio.get_running_loop().time()
                box.silence()
                await asyncio.sleep(1.0)
                # Ten pings later the transport is well.
                assert world.online("acme")
                assert box.streams == 1
                await world.until(lambda: not world.online("acme"))
                await world.until(lambda: box.streams == 2)
                assert asyncio.get_running_loop().time() - began >= 1.5


def test_at_default_settings_silence_is_known_within_45_seconds() -> None:
    interval = HubConfig().heartbeat_interval
    assert interval == SessionSettings().heartbeat_interval
    # Each side looks at least once a second.
    assert MISSES * interval + 1.0 <= 45
    assert link_module.TICK <= 1.0
