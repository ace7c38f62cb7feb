"""Restarts under load, in real processes: no call that has time left fails, and no order is doubled."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from mostek.client import Client
from mostek.client import Connector as Site
from mostek.erp.v1.customer_pb2 import (
    CreateCustomerRequest,
    CustomerDraft,
    ListCustomersRequest,
)
from mostek.erp.v1.order_pb2 import (
    CreateOrderRequest,
    CustomerChoice,
    OrderDraft,
    OrderLineDraft,
    ProductChoice,
)
from mostek.erp.v1.product_pb2 import ListProductsRequest
from mostek.plugin.sandbox import connect_sandbox
from mostek_subiekt.sandbox import create as create_sandbox

from .harness import Processes, online, stopped

#: Seconds that each call has.
TIMEOUT = 25.0


class Load:
    """Callers that read and order until they are told to stop; a failure of theirs is the test's."""

    def __init__(self, client: Client) -> None:
        self.acme = client.connector("acme")
        self.calls: Counter[str] = Counter()
        self._stopping = False
        self._numbers = iter(range(10_000))

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        product = (await self.acme.ListProducts(ListProductsRequest(page_size=1))).products[0]
        buyer = (await self.acme.ListCustomers(ListCustomersRequest(page_size=1))).customers[0]
        line = OrderLineDraft(product=ProductChoice(id=product.id), quantity="2")
        line.price.net = "10.00"
        self._draft = OrderDraft(buyer=CustomerChoice(id=buyer.id), lines=[line])
        async with asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(self._read())
            group.create_task(self._order())
            try:
                yield
                await self.more(20)
            finally:
                self._stopping = True

    async def more(self, count: int) -> None:
        """Wait until so many more calls were answered."""
        wanted = self.calls.total() + count
        async with asyncio.timeout(60):
            while self.calls.total() < wanted:  # noqa: ASYNC110 - what is waited for is in other processes
                await asyncio.sleep(0.02)

    async def _read(self) -> None:
        while not self._stopping:
            request = ListCustomersRequest(page_size=5)
            page = await self.acme.ListCustomers(request, timeout=TIMEOUT)
            assert len(page.customers) == 5
            self.calls["read"] += 1

    async def _order(self) -> None:
        while not self._stopping:
            number = f"LOAD-{next(self._numbers)}"
            draft = OrderDraft()
            draft.CopyFrom(self._draft)
            draft.external_number = number
            site: Site = self.acme.with_key(number)
            await site.CreateOrder(CreateOrderRequest(order=draft), timeout=TIMEOUT)
            self.calls["order"] += 1


@pytest.fixture
def processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Processes]:
    # On a busy machine a connector takes more than the default 10 s to start.
    monkeypatch.setenv("MOSTEK_HUB_RETURN_GRACE", "20")
    with contextlib.ExitStack() as stack:
        yield Processes(tmp_path, stack)


@pytest.fixture
def template(tmp_path: Path) -> str:
    sandbox = create_sandbox(tmp_path / "subiekt.sqlite", customers=50, products=50, invoices=50)
    return sandbox.template_order


def _orders(folder: Path) -> Counter[str]:
    query = "SELECT dok_NrPelnyOryg FROM dbo.dok__Dokument WHERE dok_NrPelnyOryg LIKE 'LOAD-%'"
    with contextlib.closing(connect_sandbox(folder / "subiekt.sqlite", "dbo")) as erp:
        return Counter(number for (number,) in erp.execute(query))


async def _restarts(
    processes: Processes,
    child: subprocess.Popen[bytes],
    start: Callable[[], subprocess.Popen[bytes]],
) -> None:
    """Under load, stop and start it twice."""
    async with Client(processes.api) as client:
        await online(client)
        load = Load(client)
        async with load.running():
            for _ in range(2):
                await load.more(20)
                await stopped(child)
                child = start()
                await load.more(20)
    written = _orders(processes.folder)
    assert set(written.values()) == {1}
    assert len(written) == load.calls["order"] >= 2


async def test_restarting_the_hub_fails_no_call_that_has_time(
    processes: Processes, template: str
) -> None:
    hub = processes.hub()
    processes.subiekt(template)
    await _restarts(processes, hub, processes.hub)


async def test_restarting_the_only_connector_fails_no_call_that_has_time(
    processes: Processes, template: str
) -> None:
    processes.hub()
    connector = processes.subiekt(template)
    await _restarts(processes, connector, lambda: processes.subiekt(template))


async def test_either_of_two_instances_may_die_at_any_moment(
    processes: Processes, template: str
) -> None:
    processes.hub()
    instances = {name: processes.subiekt(template, instance=name) for name in ("-one", "-two")}
    async with Client(processes.api) as client:
        await online(client, sessions=2)
        load = Load(client)
        async with load.running():
            for name in ("-one", "-two", "-one"):
                await load.more(20)
                instances[name].kill()
                instances[name].wait()
                await load.more(20)
                instances[name] = processes.subiekt(template, instance=name)
                await online(client, sessions=2)
    written = _orders(processes.folder)
    assert set(written.values()) == {1}
    assert len(written) == load.calls["order"]


async def test_a_connector_ends_although_a_plugin_s_call_hangs(processes: Processes) -> None:
    processes.hub()
    connector = processes.connector(hangs="Hangs")
    async with Client(processes.api) as client:
        await online(client)
        customer = CustomerDraft(name="Hangs")
        site = client.connector("acme").with_key("k")
        hanging = site.CreateCustomer(CreateCustomerRequest(customer=customer), timeout=30)
        async with asyncio.timeout(20):
            while not (processes.folder / "hangs").exists():  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)
        connector.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            while connector.poll() is None:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)
        processes.connector()
        # The write is not lost with the process that hung.
        await hanging
    assert processes.customers() == ["Hangs"]
