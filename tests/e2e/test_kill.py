"""Kill -9 at every point on the way of a write: the document is there once, and its key has one outcome."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

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
    with contextlib.ExitStack() as stack:
        yield Processes(tmp_path, stack)


async def create(client: Client, timeout: float = 20.0) -> str:
    acme = client.connector("acme").with_key("k")
    request = CreateCustomerRequest(customer=CustomerDraft(name="Once"))
    return (await acme.CreateCustomer(request, timeout=timeout)).customer.id


async def died(child: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + 20
    while child.poll() is None:
        assert time.monotonic() < ends, "the process did not come to the point"
        await asyncio.sleep(0.02)
    assert child.returncode == -signal.SIGKILL


async def end_of_the_key(client: Client) -> list[admin.Command]:
    """The commands that stand for the key, each when it has ended."""
    listed = await client.admin.ListCommands(admin.ListCommandsRequest(idempotency_key="k"))
    return [
        (await client.admin.WaitCommand(admin.WaitCommandRequest(id=command.id))).command
        for command in listed.commands
    ]


@pytest.mark.parametrize("point", CRASH_POINTS)
async def test_a_process_killed_at_any_point_writes_once(processes: Processes, point: str) -> None:
    hub, connector = processes.hub(point), processes.connector(point)
    async with Client(processes.api) as client:
        await online(client)
        first = asyncio.create_task(create(client))
        await died(hub if point.startswith("hub") else connector)
        restart = processes.hub if point.startswith("hub") else processes.connector
        restart()
        await online(client)
        # What was recorded goes on by itself.
        [command] = await end_of_the_key(client)
        assert command.state == admin.COMMAND_STATE_SUCCEEDED
        assert await create(client) == command.erp_id == "1"
        with contextlib.suppress(CommandFailure):
            # The first caller lost its connection, or has the same answer.
            assert await first == "1"
    assert processes.customers() == ["Once"]


@pytest.mark.parametrize("point", ["erp-before-commit", "erp-after-commit", "connector-recorded"])
async def test_a_lost_outcome_store_doubles_nothing(processes: Processes, point: str) -> None:
    processes.hub()
    connector = processes.connector(point)
    async with Client(processes.api) as client:
        await online(client)
        writing = asyncio.create_task(create(client))
        await died(connector)
        for file in (processes.folder / "connector").glob("outcomes.sqlite*"):
            file.unlink()
        processes.connector()
        assert await writing == "1"
    assert processes.customers() == ["Once"]


@pytest.mark.parametrize("point", ["erp-before-commit", "erp-after-commit", "connector-answered"])
async def test_another_instance_ends_what_a_killed_one_began(
    processes: Processes, point: str
) -> None:
    processes.hub()
    # Of two with equal room the first that came is asked; the other has the same ERP, and an outcome store of its own.
    first = processes.connector(point, "-one")
    async with Client(processes.api) as client:
        await online(client)
        processes.connector("", "-two")
        await online(client, sessions=2)
        assert await create(client) == "1"
        await died(first)
    assert processes.customers() == ["Once"]


@pytest.mark.parametrize(
    "point", ["connector-intended", "erp-before-commit", "erp-after-commit", "connector-recorded"]
)
async def test_an_order_in_subiekt_is_there_once(processes: Processes, point: str) -> None:
    file = processes.folder / "subiekt.sqlite"
    sandbox = create_sandbox(file, customers=50, products=50, invoices=50)
    processes.hub()
    connector = processes.subiekt(sandbox.template_order, point)
    async with Client(processes.api) as client:
        await online(client)
        acme = client.connector("acme")
        products = (await acme.ListProducts(ListProductsRequest(page_size=1))).products
        customers = (await acme.ListCustomers(ListCustomersRequest(page_size=1))).customers
        line = OrderLineDraft(product=ProductChoice(id=products[0].id), quantity="2")
        line.price.net = "10.00"
        draft = OrderDraft(
            external_number="KILL-1", buyer=CustomerChoice(id=customers[0].id), lines=[line]
        )
        request = CreateOrderRequest(order=draft)
        ordering = acme.with_key("k").CreateOrder(request, timeout=30)
        await died(connector)
        processes.subiekt(sandbox.template_order)
        order = await ordering
        again = await client.connector("acme").with_key("k").CreateOrder(request, timeout=30)
        assert again.number == order.number
    with contextlib.closing(connect_sandbox(file, "dbo")) as erp:
        query = "SELECT dok_NrPelny FROM dbo.dok__Dokument WHERE dok_NrPelnyOryg = 'KILL-1'"
        assert erp.execute(query).fetchall() == [(order.number,)]


@pytest.mark.parametrize("point", ["erp-before-commit", "erp-after-commit"])
async def test_an_order_in_wapro_is_there_once(processes: Processes, point: str) -> None:
    file = create_wapro(processes.folder / "wapro.sqlite", customers=40, products=40, invoices=40)
    processes.hub()
    connector = processes.wapro(point)
    line = OrderLineDraft(product=ProductChoice(code="ŚRU-00000"), quantity="2")
    line.price.net = "10.00"
    draft = OrderDraft(external_number="KILL-1", buyer=CustomerChoice(code="1"), lines=[line])
    request = CreateOrderRequest(order=draft)
    async with Client(processes.api) as client:
        await online(client)
        ordering = client.connector("acme").with_key("k").CreateOrder(request, timeout=30)
        await died(connector)
        processes.wapro()
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
        assert await create(client) == "1"
        hub.kill()
        hub.wait()
        for file in processes.folder.glob("hub.sqlite*"):
            file.unlink()
        processes.hub()
        await online(client)
        assert await create(client) == "1"
    assert processes.customers() == ["Once"]
