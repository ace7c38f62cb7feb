"""Reads whose answers are known: asked once in peace, and under faults again; another answer is a wrong report."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx
from google.protobuf.message import Message

from chaos.calls import path_of
from chaos.erp import Erp
from mostek.client import Client, pages
from mostek.erp.v1.customer_pb2 import GetCustomerRequest
from mostek.erp.v1.invoice_pb2 import ListInvoicesRequest
from mostek.erp.v1.product_pb2 import GetProductRequest, ListProductsRequest
from mostek.hub.http.problems import kind_of
from mostek.wire.failures import CommandFailure

__all__ = ["Reads"]

#: What a read may fail with while faults go on; anything else would be a wrong reason.
_EXPLAINED = frozenset(("OFFLINE", "OVERLOADED", "EXPIRED", "LOCKED", "ERP_UNAVAILABLE"))


@dataclass(frozen=True)
class _Question:
    site: str
    operation: str
    request: Message
    answer: Message


class Reads:
    """Reads of all sites. `wrong` are the answers that were not what is there."""

    def __init__(self, client: Client, http: httpx.AsyncClient) -> None:
        self.asked = self.answered = 0
        self.failures: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._client = client
        self._http = http
        self._questions: dict[str, list[_Question]] = {}
        self._products: dict[str, list[Any]] = {}

    async def learn(self, erps: dict[str, Erp]) -> None:
        """Ask in peace. What is said of products is held against the ERP's own table."""
        for site, erp in erps.items():
            products = await self._all_products(site)
            codes = erp.names()
            self.wrong += [
                f"{site}: product {p.id} has the code {p.code}"
                for p in products
                if codes[p.id] != p.code
            ]
            self._products[site] = products
            self._questions[site] = [
                await self._learned(site, operation, request)
                for operation, request in _requests(erp, products)
            ]

    async def _learned(self, site: str, operation: str, request: Message) -> _Question:
        answer = await getattr(self._client.connector(site), operation)(request)
        return _Question(site, operation, request, answer)

    async def one(self, site: str, rng: Random) -> None:
        """One question, over gRPC or HTTP, sometimes abandoned in the middle."""
        question = rng.choice(self._questions[site])
        wait = rng.choice((0.3, 3.0, 15.0))
        ask = self._over_grpc if rng.random() < 0.8 else self._over_http
        call = asyncio.create_task(ask(question, wait))
        self.asked += 1
        if rng.random() < 0.15:
            await asyncio.wait((call,), timeout=rng.uniform(0, 0.1))
            call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        if not call.cancelled() and (error := call.exception()):
            raise error

    async def all(self, site: str, rng: Random) -> None:
        """A whole list, page by page."""
        self.asked += 1
        try:
            products = await self._all_products(site)
        except CommandFailure as failure:
            self._failed(kind_of(failure.kind), failure.retriable, f"{site}: all products")
            return
        self.answered += 1
        if products != self._products[site]:
            self.wrong.append(
                f"{site}: all products: {len(products)}, and not those that are there"
            )

    async def _all_products(self, site: str) -> list[Any]:
        erp = self._client.connector(site)
        request = ListProductsRequest(page_size=60)
        listed = pages(erp.ListProducts, request, attempts=3)
        return [product async for page in listed for product in page.products]

    async def _over_grpc(self, question: _Question, wait: float) -> None:
        call = getattr(self._client.connector(question.site), question.operation)
        try:
            answer = await call(question.request, timeout=wait)
        except CommandFailure as failure:
            told = f"{question.site}: {question.operation}: {failure.message}"
            self._failed(kind_of(failure.kind), failure.retriable, told)
            return
        self.answered += 1
        if answer != question.answer:
            self.wrong.append(f"{question.site}: {question.operation}: another answer than before")

    async def _over_http(self, question: _Question, wait: float) -> None:
        """Always the same product: the paths of the others are tested elsewhere."""
        product = self._products[question.site][0]
        path = path_of(question.site, f"products/{product.id}")
        headers = {"prefer": f"wait={max(1, round(wait))}"}
        try:
            response = await self._http.get(path, headers=headers)
            document = response.json()
        except (httpx.HTTPError, ValueError):
            self._failed("OFFLINE", True, path)
            return
        if response.status_code != 200:
            self._failed(document["kind"], document["retriable"], document["detail"])
            return
        self.answered += 1
        if document["product"]["code"] != product.code:
            self.wrong.append(f"{question.site}: {path}: {document['product']}")

    def _failed(self, kind: str, retriable: bool, told: str) -> None:
        self.failures[kind] += 1
        if kind not in _EXPLAINED and not retriable:
            self.wrong.append(f"read failed as {kind}: {told}")


def _requests(erp: Erp, products: list[Any]) -> Iterator[tuple[str, Message]]:
    for product in products[:5]:
        yield "GetProduct", GetProductRequest(id=product.id)
    for buyer in erp.buyers[:5]:
        yield "GetCustomer", GetCustomerRequest(id=buyer)
    yield "ListInvoices", ListInvoicesRequest(page_size=40)
    yield "ListProducts", ListProductsRequest(page_size=100)
