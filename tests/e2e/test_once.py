"""What else could double a write, in real processes: a restored outcome store, a late commit, two orders at once."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mostek.admin.v1 import admin_service_pb2 as admin
from mostek.client import Client
from mostek.client import Connector as Site
from mostek.erp.v1.customer_pb2 import CreateCustomerRequest, CustomerDraft
from mostek.erp.v1.order_pb2 import (
    CreateOrderRequest,
    CreateOrderResponse,
    CustomerChoice,
    OrderDraft,
    OrderLineDraft,
    ProductChoice,
)
from mostek.erp.v1.product_pb2 import ListProductsRequest
from mostek.plugin.sandbox import connect_sandbox
from mostek_subiekt.sandbox import create as create_sandbox

from .harness import Processes, online, stopped


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    with contextlib.ExitStack() as stack:
        yield Processes(tmp_path, stack)


async def create(client: Client, key: str, name: str) -> str:
    request = CreateCustomerRequest(customer=CustomerDraft(name=name))
    site = client.connector("acme").with_key(key)
    return (await site.CreateCustomer(request, timeout=25.0)).customer.id


async def killed(child: subprocess.Popen[bytes]) -> None:
    async with asyncio.timeout(20):
        while child.poll() is None:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)
    assert child.returncode == -signal.SIGKILL


def outcomes(folder: Path) -> list[Path]:
    return sorted(folder.glob("outcomes.sqlite*"))


def put_back(yesterday: Path, state: Path) -> None:
    """Restore a backup of the outcome store."""
    for file in outcomes(state):
        file.unlink()
    for file in outcomes(yesterday):
        shutil.copy(file, state)


async def one_outcome(client: Client, key: str) -> admin.Command:
    """The only command that stands for the key."""
    listed = await client.admin.ListCommands(admin.ListCommandsRequest(idempotency_key=key))
    [command] = listed.commands
    return command


@pytest.mark.parametrize("point", ["erp-after-commit", "connector-recorded"])
async def test_an_outcome_store_restored_from_yesterday_doubles_nothing(
    processes: Processes, point: str
) -> None:
    processes.hub()
    connector = processes.connector()
    state, yesterday = processes.folder / "connector", processes.folder / "yesterday"
    async with Client(processes.api) as client:
        await online(client)
        assert await create(client, "y", "Yesterday") == "1"
        await stopped(connector)
        yesterday.mkdir()
        put_back(state, yesterday)
        connector = processes.connector(point)
        await online(client)
        writing = asyncio.create_task(create(client, "k", "Once"))
        await killed(connector)
        put_back(yesterday, state)
        processes.connector()
        assert await writing == "2"
        # Also for a key that the restored store has, and for one that it never heard of.
        assert [await create(client, *what) for what in (("y", "Yesterday"), ("k", "Once"))] == [
            "1",
            "2",
        ]
        assert (await one_outcome(client, "k")).state == admin.COMMAND_STATE_SUCCEEDED
    assert processes.customers() == ["Yesterday", "Once"]


async def test_what_neither_side_remembers_is_found_in_the_erp(processes: Processes) -> None:
    hub, connector = processes.hub(), processes.connector()
    async with Client(processes.api) as client:
        await online(client)
        assert await create(client, "k", "Once") == "1"
        for child in (connector, hub):
            child.kill()
            child.wait()
        for file in (
            *outcomes(processes.folder / "connector"),
            *processes.folder.glob("hub.sqlite*"),
        ):
            file.unlink()
        processes.hub(), processes.connector()
        await online(client)
        assert await create(client, "k", "Once") == "1"
    assert processes.customers() == ["Once"]


async def test_an_erp_that_commits_after_its_caller_was_killed_has_it_once(
    processes: Processes,
) -> None:
    processes.hub()
    connector = processes.connector(late="Once")
    async with Client(processes.api) as client:
        await online(client)
        writing = asyncio.create_task(create(client, "k", "Once"))
        await killed(connector)
        processes.connector()
        await online(client)
        # The next attempt is at the ERP, and waits there for the one before.
        async with asyncio.timeout(20):
            while "started" not in await _events_since_lost(client):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)
        assert not writing.done()
        (processes.folder / "commit").touch()
        assert await writing == "1"
        assert (await one_outcome(client, "k")).state == admin.COMMAND_STATE_SUCCEEDED
    assert processes.customers() == ["Once"]


async def _events_since_lost(client: Client) -> list[str]:
    """What happened to the write after its first attempt."""
    command = await one_outcome(client, "k")
    shown = (await client.admin.GetCommand(admin.GetCommandRequest(id=command.id))).command
    names = [event.name for event in shown.timeline]
    return names[names.index("lost") :] if "lost" in names else []


async def test_two_orders_at_once_with_one_new_customer_make_it_once(processes: Processes) -> None:
    file = processes.folder / "subiekt.sqlite"
    sandbox = create_sandbox(file, customers=50, products=50, invoices=50)
    company = _one(
        file, "SELECT MIN(kh_Id) FROM dbo.kh__Kontrahent WHERE kh_Osoba = 0 AND kh_Zablokowany = 0"
    )
    customers = "SELECT COUNT(*) FROM dbo.kh__Kontrahent"
    before = _one(file, customers)
    processes.hub()
    for instance in ("-one", "-two"):
        processes.subiekt(sandbox.template_order, instance=instance, customers=str(company))
    async with Client(processes.api) as client:
        await online(client, sessions=2)
        acme = client.connector("acme")
        product = (await acme.ListProducts(ListProductsRequest(page_size=1))).products[0]
        orders = await asyncio.gather(
            *(_order(acme, product.id, f"NEW-{number}") for number in range(4))
        )
        assert len({order.number for order in orders}) == 4
    assert _one(file, customers) == before + 1
    bought = "SELECT COUNT(DISTINCT dok_PlatnikId) FROM dbo.dok__Dokument WHERE dok_NrPelnyOryg LIKE 'NEW-%'"
    assert _one(file, bought) == 1
    assert _one(file, bought.replace("DISTINCT dok_PlatnikId", "*")) == 4


async def _order(acme: Site, product: str, number: str) -> CreateOrderResponse:
    line = OrderLineDraft(product=ProductChoice(id=product), quantity="1")
    line.price.net = "10.00"
    buyer = CustomerDraft(name="Nowa Łąka", tax_id="5260250274")
    buyer.address.street, buyer.address.city = "Piotrkowska 1", "Łódź"
    buyer.address.postal_code = "90-001"
    draft = OrderDraft(external_number=number, buyer=CustomerChoice(draft=buyer), lines=[line])
    site = acme.with_key(number)
    return await site.CreateOrder(CreateOrderRequest(order=draft), timeout=25.0)


def _one(file: Path, query: str) -> int:
    with contextlib.closing(connect_sandbox(file, "dbo")) as erp:
        return int(erp.execute(query).fetchone()[0])
