"""Kill -9 at every point on the way of a write: the document is there once, and its key has one outcome."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from mostek.admin.v1 import admin_service_pb2 as admin
from mostek.client import Client
from mostek.erp.v1.customer_pb2 import CreateCustomerRequest, CustomerDraft, ListCustomersRequest
from mostek.erp.v1.order_pb2 import (
    CreateOrderRequest,
    CustomerChoice,
    OrderDraft,
    OrderLineDraft,
    ProductChoice,
)
from mostek.erp.v1.product_pb2 import ListProductsRequest
from mostek.plugin.sandbox import connect_sandbox
from mostek.wire.crash import CRASH_POINTS
from mostek.wire.failures import CommandFailure
from mostek_subiekt.sandbox import create as create_sandbox
from mostek_wapro.sandbox import create as create_wapro

from .harness import Processes, online


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """Not started yet."""
    with contextlib.ExitStack() as stack:
        yield Processes(tmp_path, stack)


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    """A hub that outlives the tests in which only connectors die."""
    with contextlib.ExitStack() as stack:
        made = Processes(tmp_path_factory.mktemp("hub"), stack)
        made.hub()
        yield made


@pytest.fixture
def site(lasting: Processes, tmp_path: Path) -> Iterator[Processes]:
    """A site of its own at that hub; nothing of it is started yet."""
    with contextlib.ExitStack() as stack:
        yield lasting.beside(tmp_path, stack, f"site-{uuid4().hex[:8]}")


async def create(client: Client, at: Processes, timeout: float = 20.0) -> str:
    keyed = client.connector(at.name).with_key(at.name)
    request = CreateCustomerRequest(customer=CustomerDraft(name="Once"))
    return (await keyed.CreateCustomer(request, timeout=timeout)).customer.id


async def died(child: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + 20
    while child.poll() is None:
        assert time.monotonic() < ends, "the process did not come to the point"
        await asyncio.sleep(0.02)
    assert child.returncode == -signal.SIGKILL


async def end_of_the_key(client: Client, at: Processes) -> list[admin.Command]:
    """The commands that stand for the key, each when it has ended."""
    listed = await client.admin.ListCommands(admin.ListCommandsRequest(idempotency_key=at.name))
    return [
        (await client.admin.WaitCommand(admin.WaitCommandRequest(id=command.id))).command
        for command in listed.commands
    ]


async def writes_once(
    at: Processes, victim: subprocess.Popen[bytes], again: Callable[[], object]
) -> None:
    """While a customer is created the victim dies at its point, and is started again."""
    async with Client(at.api) as client:
        await online(client, name=at.name)
        first = asyncio.create_task(create(client, at))
        await died(victim)
        again()
        await online(client, name=at.name)
        # What was recorded goes on by itself.
        [command] = await end_of_the_key(client, at)
        assert command.state == admin.COMMAND_STATE_SUCCEEDED
        assert await create(client, at) == command.erp_id == "1"
        with contextlib.suppress(CommandFailure):
            # The first caller lost its connection, or has the same answer.
            assert await first == "1"
    assert at.customers() == ["Once"]


@pytest.mark.parametrize("point", [point for point in CRASH_POINTS if point.startswith("hub")])
async def test_a_hub_killed_at_any_point_writes_once(processes: Processes, point: str) -> None:
    hub = processes.hub(point)
    processes.connector()
    await writes_once(processes, hub, processes.hub)


@pytest.mark.parametrize("point", [point for point in CRASH_POINTS if not point.startswith("hub")])
async def test_a_connector_killed_at_any_point_writes_once(site: Processes, point: str) -> None:
    await writes_once(site, site.connector(point), site.connector)


@pytest.mark.parametrize("point", ["erp-before-commit", "erp-after-commit", "connector-recorded"])
async def test_a_lost_outcome_store_doubles_nothing(site: Processes, point: str) -> None:
    connector = site.connector(point)
    async with Client(site.api) as client:
        await online(client, name=site.name)
        writing = asyncio.create_task(create(client, site))
        await died(connector)
        for file in (site.folder / "connector").glob("outcomes.sqlite*"):
            file.unlink()
        site.connector()
        assert await writing == "1"
    assert site.customers() == ["Once"]


@pytest.mark.parametrize("point", ["erp-before-commit", "erp-after-commit", "connector-answered"])
async def test_another_instance_ends_what_a_killed_one_began(site: Processes, point: str) -> None:
    # Of two with equal room the first that came is asked; the other has the same ERP, and an outcome store of its own.
    first = site.connector(point, "-one")
    async with Client(site.api) as client:
        await online(client, name=site.name)
        site.connector("", "-two")
        await online(client, sessions=2, name=site.name)
        assert await create(client, site) == "1"
        await died(first)
    assert site.customers() == ["Once"]


@pytest.mark.parametrize(
    "point", ["connector-intended", "erp-before-commit", "erp-after-commit", "connector-recorded"]
)
async def test_an_order_in_subiekt_is_there_once(site: Processes, point: str) -> None:
    file = site.folder / "subiekt.sqlite"
    sandbox = create_sandbox(file, customers=50, products=50, invoices=50)
    connector = site.subiekt(sandbox.template_order, point)
    async with Client(site.api) as client:
        await online(client, name=site.name)
        acme = client.connector(site.name)
        products = (await acme.ListProducts(ListProductsRequest(page_size=1))).products
        customers = (await acme.ListCustomers(ListCustomersRequest(page_size=1))).customers
        line = OrderLineDraft(product=ProductChoice(id=products[0].id), quantity="2")
        line.price.net = "10.00"
        draft = OrderDraft(
            external_number="KILL-1", buyer=CustomerChoice(id=customers[0].id), lines=[line]
        )
        request = CreateOrderRequest(order=draft)
        ordering = acme.with_key(site.name).CreateOrder(request, timeout=30)
        await died(connector)
        site.subiekt(sandbox.template_order)
        order = await ordering
        again = await acme.with_key(site.name).CreateOrder(request, timeout=30)
        assert again.number == order.number
    with contextlib.closing(connect_sandbox(file, "dbo")) as erp:
        query = "SELECT dok_NrPelny FROM dbo.dok__Dokument WHERE dok_NrPelnyOryg = 'KILL-1'"
        assert erp.execute(query).fetchall() == [(order.number,)]


@pytest.mark.parametrize("point", ["erp-before-commit", "erp-after-commit"])
async def test_an_order_in_wapro_is_there_once(site: Processes, point: str) -> None:
    file = create_wapro(site.folder / "wapro.sqlite", customers=40, products=40, invoices=40)
    connector = site.wapro(point)
    line = OrderLineDraft(product=ProductChoice(code="ŚRU-00000"), quantity="2")
    line.price.net = "10.00"
    draft = OrderDraft(external_number="KILL-1", buyer=CustomerChoice(code="1"), lines=[line])
    request = CreateOrderRequest(order=draft)
    async with Client(site.api) as client:
        await online(client, name=site.name)
        keyed = client.connector(site.name).with_key(site.name)
        ordering = keyed.CreateOrder(request, timeout=30)
        await died(connector)
        site.wapro()
        order = await ordering
    with contextlib.closing(connect_sandbox(file, "dbo")) as erp:
        query = (
            "SELECT NUMER, FLAGA_STANU FROM dbo.ZAMOWIENIE WHERE NR_ZAMOWIENIA_KLIENTA = 'KILL-1'"
        )
        assert erp.execute(query).fetchall() == [(order.number, 0)]


async def test_a_lost_database_of_the_hub_doubles_nothing(processes: Processes) -> None:
    hub = processes.hub()
    processes.connector()
    async with Client(processes.api) as client:
        await online(client)
        assert await create(client, processes) == "1"
        hub.kill()
        hub.wait()
        for file in processes.folder.glob("hub.sqlite*"):
            file.unlink()
        processes.hub()
        await online(client)
        assert await create(client, processes) == "1"
    assert processes.customers() == ["Once"]
