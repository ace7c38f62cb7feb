"""Callers that go on calling while something is done to the hub or the site."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from mostek.client import Client
from mostek.client import Connector as Site
from mostek.erp.v1.customer_pb2 import ListCustomersRequest
from mostek.erp.v1.order_pb2 import (
    CreateOrderRequest,
    CustomerChoice,
    OrderDraft,
    OrderLineDraft,
    ProductChoice,
)
from mostek.erp.v1.product_pb2 import ListProductsRequest
from mostek.plugin.sandbox import connect_sandbox
from mostek.wire.failures import CommandFailure

__all__ = ["TIMEOUT", "Load", "insist"]

T = TypeVar("T")

#: Seconds that each call has.
TIMEOUT = 25.0


class Load:
    """Callers that read and order until they are told to stop; a failure of theirs is the test's.

    `patient`: what may be repeated they repeat.
    """

    def __init__(self, client: Client, name: str = "LOAD", *, patient: bool = False) -> None:
        self.acme = client.connector("acme")
        self.calls: Counter[str] = Counter()
        self._name = name
        self._patient = patient
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
        """Wait until so many more calls were answered, an order among them."""
        wanted, orders = self.calls.total() + count, self.calls["order"]
        async with asyncio.timeout(60):
            while self.calls.total() < wanted or self.calls["order"] == orders:  # noqa: ASYNC110 - what is waited for is in other processes
                await asyncio.sleep(0.02)

    async def _read(self) -> None:
        while not self._stopping:
            request = ListCustomersRequest(page_size=5)
            page = await self._call(partial(self.acme.ListCustomers, request, timeout=TIMEOUT))
            assert len(page.customers) == 5
            self.calls["read"] += 1

    async def _order(self) -> None:
        while not self._stopping:
            number = f"{self._name}-{next(self._numbers)}"
            site: Site = self.acme.with_key(number)
            request = CreateOrderRequest(order=self.draft(number))
            await self._call(partial(site.CreateOrder, request, timeout=TIMEOUT))
            self.calls["order"] += 1

    async def _call(self, call: Callable[[], Awaitable[T]]) -> T:
        return await (insist(call) if self._patient else call())

    def draft(self, number: str) -> OrderDraft:
        """An order of that number."""
        draft = OrderDraft()
        draft.CopyFrom(self._draft)
        draft.external_number = number
        return draft

    def check_once(self, folder: Path) -> None:
        """Every order that was answered is in the ERP, once, and no other."""
        query = f"SELECT dok_NrPelnyOryg FROM dbo.dok__Dokument WHERE dok_NrPelnyOryg LIKE '{self._name}-%'"
        with contextlib.closing(connect_sandbox(folder / "subiekt.sqlite", "dbo")) as erp:
            written = Counter(number for (number,) in erp.execute(query))
        assert set(written.values()) == {1}
        assert len(written) == self.calls["order"] >= 2


async def insist(call: Callable[[], Awaitable[T]]) -> T:
    """The same again as long as the failure is said to pass."""
    while True:
        try:
            return await call()
        except CommandFailure as failure:
            if not failure.retriable:
                raise
        await asyncio.sleep(0.1)
