"""Restarts, copies and hung writes: what goes on, who is told to leave, and what is said."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest

from mostek.admin.v1 import admin_service_pb2 as admin
from mostek.client import Client
from mostek.client import Connector as Site
from mostek.connector import runner as runner_module
from mostek.erp.v1.customer_pb2 import (
    CreateCustomerRequest,
    CreateCustomerResponse,
    CustomerDraft,
    GetCustomerRequest,
    GetCustomerResponse,
)
from mostek.erp.v1.erp_pb2 import DescribeErpRequest, DescribeErpResponse
from mostek.hub import link as link_module
from mostek.hub.config import split_address
from mostek.hub.hub import Hub
from mostek.link.v1.link_pb2 import (
    ConnectorToHub,
    GoodbyeReason,
    Heartbeat,
    Hello,
    HubToConnector,
)
from mostek.link.v1.link_pb2_grpc import LinkServiceStub
from mostek.wire.failures import CommandFailure, Conflict, Expired, Offline

from .conftest import Notebook, World, hub_config

if TYPE_CHECKING:
    Stream = grpc.aio.StreamStreamCall[ConnectorToHub, HubToConnector]


async def _describe(acme: Site) -> DescribeErpResponse:
    return await acme.DescribeErp(DescribeErpRequest())


async def _slow(acme: Site) -> GetCustomerResponse:
    return await acme.GetCustomer(GetCustomerRequest(id="slow"))


@pytest.fixture
async def patient(tmp_path: Path) -> AsyncIterator[World]:
    """A hub whose calls wait for connectors that come back."""
    hub = Hub(hub_config(tmp_path, drain_grace=5.0, return_grace=5.0))
    async with hub.running() as addresses, Client(addresses.api) as client:
        yield World(hub, addresses, client, tmp_path, {})


async def test_a_call_waits_for_a_connector_that_is_being_restarted(patient: World) -> None:
    acme = patient.client.connector("acme")
    async with patient.connector():
        await acme.DescribeErp(DescribeErpRequest())
    waiting = asyncio.create_task(_describe(acme))
    await patient.until(lambda: len(patient.acme.waiting) == 1)
    async with patient.connector():
        assert (await waiting).erp.program == "Notebook"


@contextlib.asynccontextmanager
async def _run_of_a_hub(folder: Path, plugins: dict[str, Notebook]) -> AsyncIterator[World]:
    hub = Hub(hub_config(folder, drain_grace=0.5))
    async with hub.running() as addresses, Client(addresses.api) as client:
        yield World(hub, addresses, client, folder, plugins)


async def _create(world: World, name: str, key: str, timeout: float = 10.0) -> str:
    acme = world.client.connector("acme").with_key(key)
    request = CreateCustomerRequest(customer=CustomerDraft(name=name))
    return (await acme.CreateCustomer(request, timeout=timeout)).customer.id


async def test_a_hub_restored_from_a_backup_is_told_by_the_site_what_it_forgot(
    tmp_path: Path,
) -> None:
    plugins: dict[str, Notebook] = {}
    file, backup = tmp_path / "hub.sqlite", tmp_path / "backup"
    async with _run_of_a_hub(tmp_path, plugins) as world:
        async with world.connector():
            pass
        with pytest.raises(Expired):
            await _create(world, "Waits", "1", timeout=0.3)
    shutil.copy(file, backup)
    async with _run_of_a_hub(tmp_path, plugins) as world, world.connector():
        assert await _create(world, "Waits", "1") == "1"
        assert await _create(world, "Later", "2") == "2"
    shutil.copy(backup, file)
    async with _run_of_a_hub(tmp_path, plugins) as world, world.connector():
        assert await _create(world, "Later", "2") == "2"
        assert await _create(world, "Waits", "1") == "1"
        with pytest.raises(Conflict, match="other content"):
            await _create(world, "Another", "2")
        assert (world.plugin.calls, len(world.plugin.created)) == (2, 2)


async def test_a_connector_that_does_not_come_back_is_offline_at_last(tmp_path: Path) -> None:
    hub = Hub(hub_config(tmp_path, return_grace=0.2))
    async with hub.running() as addresses, Client(addresses.api) as client:
        world = World(hub, addresses, client, tmp_path, {})
        async with world.connector():
            pass
        for _ in range(2):
            with pytest.raises(Offline):
                await client.connector("acme").DescribeErp(DescribeErpRequest())
        assert not world.acme.waiting


async def test_calls_that_wait_for_a_connector_are_bounded(
    patient: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mostek.hub.registry.MOST_WAITING", 2)
    async with patient.connector():
        pass
    acme = patient.client.connector("acme")
    waiting = [asyncio.create_task(_describe(acme)) for _ in range(2)]
    await patient.until(lambda: len(patient.acme.waiting) == 2)
    with pytest.raises(Offline, match="restarting"):
        await acme.DescribeErp(DescribeErpRequest())
    for call in waiting:
        call.cancel()
    await asyncio.wait(waiting)
    await patient.until(lambda: not patient.acme.waiting)


async def test_a_hub_that_stops_lets_its_calls_end_and_frees_its_ports_at_once(
    tmp_path: Path,
) -> None:
    config = hub_config(tmp_path, drain_grace=5.0)
    async with contextlib.AsyncExitStack() as stack:
        first = contextlib.AsyncExitStack()
        hub = Hub(config)
        addresses = await first.enter_async_context(hub.running())
        client = await stack.enter_async_context(Client(addresses.api))
        world = World(hub, addresses, client, tmp_path, {})
        await stack.enter_async_context(world.connector())
        slow = asyncio.create_task(_slow(client.connector("acme")))
        await world.until(world.plugin.began.is_set)
        stopping = asyncio.create_task(first.aclose())
        ports = {"api": addresses.api, "link": addresses.link, "http": addresses.http}
        second = Hub(hub_config(tmp_path, database=f"sqlite:///{tmp_path}/second.sqlite", **ports))
        await world.until(lambda: all(map(_is_free, ports.values())))
        await stack.enter_async_context(second.running())
        assert not slow.done()
        world.hub = second
        # Make before break: the connector is with the new hub while its command runs on with the old one.
        await world.until(lambda: world.online("acme"))
        assert not slow.done()
        world.plugin.gate.set()
        assert (await slow).customer.id == "slow"
        await stopping
        assert (await client.connector("acme").DescribeErp(DescribeErpRequest())).erp.program


def _is_free(address: str) -> bool:
    host, port = split_address(address)
    try:
        socket.create_server((host, port)).close()
    except OSError:
        return False
    return True


async def test_a_draining_hub_sends_new_streams_away(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    hub = Hub(hub_config(tmp_path, drain_grace=1.0))
    async with (
        hub.running() as addresses,
        Client(addresses.api) as client,
        grpc.aio.insecure_channel(addresses.link) as channel,
    ):
        world = World(hub, addresses, client, tmp_path, {})
        async with world.connector():
            await hub.link.drain(0.05, 0.5)
            assert hub.registry.sessions() == []
            call: Stream = LinkServiceStub(channel).Connect()
            hello = Hello(revision=1, connector="acme", instance="i", slots=1)
            await call.write(ConnectorToHub(hello=hello))
            frames = [await _frame(call), await _frame(call), await _frame(call)]
            goodbye = frames[-1].goodbye
            assert goodbye.reason == GoodbyeReason.GOODBYE_REASON_STOPPING
            assert goodbye.HasField("reconnect_after")
            # What it still sends is not read, and is no error.
            with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
                await call.write(ConnectorToHub(heartbeat=Heartbeat(number=1)))
                await call.read()
        with pytest.raises(Offline):
            await client.connector("acme").DescribeErp(DescribeErpRequest())
    assert "reading a session failed" not in capfd.readouterr().out


# A copied machine


async def test_a_second_process_of_an_instance_is_refused_and_reported(
    world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    async with world.connector():
        [first] = world.acme.sessions
        (world.state / "acmecopy").mkdir()
        shutil.copy(world.state / "acme" / "instance", world.state / "acmecopy" / "instance")
        async with world.connector(instance="copy"):
            await world.until(lambda: world.acme.refused is not None)
            assert world.acme.sessions == [first]
            [told] = await world.client.connectors()
            assert told.refused.instance == first.instance
            assert told.refused.at.seconds
            answer = await world.client.connector("acme").DescribeErp(DescribeErpRequest())
            assert answer.erp.program == "Notebook"
    said = capfd.readouterr().out
    assert "a second process of an instance was refused" in said
    assert "stop one of the two, or enrol the copy" in said


async def test_a_second_process_takes_over_from_one_that_does_not_answer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "PROBE_WITHIN", 0.3)
    async with _stream(world, "one"), _stream(world, "two"):
        await world.until(lambda: len(world.acme.sessions) == 2)
        assert [live.process for live in world.acme.sessions] == ["one", "two"]
        assert [live.rules.leaving for live in world.acme.sessions] == [True, False]
        assert world.acme.refused is None


@pytest.mark.parametrize(("first", "second"), [("one", "one"), ("", "two"), ("one", "")])
async def test_the_same_process_takes_over_at_once_and_so_do_those_that_tell_none(
    world: World, first: str, second: str
) -> None:
    async with _stream(world, first), _stream(world, second):
        await world.until(lambda: len(world.acme.sessions) == 2)
        assert [live.rules.leaving for live in world.acme.sessions] == [True, False]


@contextlib.asynccontextmanager
async def _stream(world: World, process: str, instance: str = "i") -> AsyncIterator[None]:
    """A connector that says Hello and then nothing."""
    hello = Hello(revision=1, connector="acme", instance=instance, process=process, slots=1)
    async with grpc.aio.insecure_channel(world.addresses.link) as channel:
        call: Stream = LinkServiceStub(channel).Connect()
        await call.write(ConnectorToHub(hello=hello))
        assert (await _frame(call)).HasField("welcome")
        yield
        call.cancel()


async def _frame(call: Stream) -> HubToConnector:
    frame = await call.read()
    assert isinstance(frame, HubToConnector)
    return frame


# A write that does not end


async def test_a_write_that_hangs_is_in_doubt_and_holds_up_no_other_company(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "HANGS_AFTER", 0.1)
    monkeypatch.setattr(runner_module, "_LOOK_AFTER", 0.1)

    async def created(key: str, name: str, company: str) -> CreateCustomerResponse:
        site = world.client.connector("acme", company).with_key(key)
        request = CreateCustomerRequest(customer=CustomerDraft(name=name))
        return await site.CreateCustomer(request, timeout=20)

    def create(*what: str) -> asyncio.Task[CreateCustomerResponse]:
        return asyncio.create_task(created(*what))

    companies = ("main", "second")
    async with world.connector(companies=companies, write_timeout=0.1) as connector:
        hung = create("1", "slow", "main")
        await world.until(world.plugin.began.is_set)
        [company] = [c for c in connector.companies if c.name == "main"]
        await world.until(lambda: company.stuck)
        await create("2", "other", "second")
        waiting = create("3", "next", "main")
        await world.until(lambda: world.plugin.calls == 1)
        assert not waiting.done()
        world.plugin.gate.set()
        assert await hung
        assert await waiting
        assert not company.stuck
        assert sorted(world.plugin.created) == ["next", "slow"]


async def test_the_failure_of_a_hung_write_says_what_holds_it_up(world: World) -> None:
    async with world.connector() as connector:
        connector.companies[0].stuck = True
        with pytest.raises(CommandFailure, match="goes on as command"):
            await (
                world.client.connector("acme")
                .with_key("1")
                .CreateCustomer(
                    CreateCustomerRequest(customer=CustomerDraft(name="x")), timeout=1.0
                )
            )
        [command] = (await world.client.admin.ListCommands(admin.ListCommandsRequest())).commands
        shown = (
            await world.client.admin.GetCommand(admin.GetCommandRequest(id=command.id))
        ).command
        assert "LOCKED" in [event.detail for event in shown.timeline]


# Two instances


async def test_what_an_instance_that_has_gone_served_is_not_what_the_connector_serves(
    world: World,
) -> None:
    async with world.connector():
        async with _stream(world, "other", instance="other"):
            await world.until(lambda: len(world.acme.sessions) == 2)
            assert not world.acme.status.companies
        await world.until(lambda: len(world.acme.sessions) == 1)
        answer = await world.client.connector("acme").DescribeErp(DescribeErpRequest())
        assert answer.erp.program == "Notebook"
