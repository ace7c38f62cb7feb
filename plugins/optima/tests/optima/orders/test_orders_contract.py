"""The conformance suite of writes, both ways of writing."""

from __future__ import annotations

from pathlib import Path
from shutil import copyfile
from typing import Any, ClassVar

import pytest
from google.protobuf.message import Message

from mostek.connector.testing import ThroughRunner
from mostek.erp.v1.common_pb2 import Address
from mostek.erp.v1.customer_pb2 import CreateCustomerRequest, CustomerDraft
from mostek.erp.v1.order_pb2 import (
    CustomerChoice,
    ListOrdersRequest,
    ListOrdersResponse,
    OrderDraft,
    OrderLineDraft,
    OrderState,
    PriceChoice,
    ProductChoice,
)
from mostek.plugin.contract import OrderContract
from mostek.plugin.contract_hostile import HostileContract
from mostek.plugin.plugin import Context, Plugin, Site
from mostek_optima.optima import Optima
from mostek_optima.sandbox import Sandbox

from ..conftest import settings
from .conftest import COM


class _Writes(ThroughRunner, OrderContract, HostileContract):
    """Reads are the same however it is written: `test_contract.py` has their rules."""

    plugin_type = Optima
    counters = frozenset({"CDN.sqlite_sequence"})
    test_a_literal_is_looked_for_as_it_stands: ClassVar[Any] = None
    sandbox: ClassVar[Sandbox]
    tried: ClassVar[tuple[str, ...]] = ("ValidateOrder", "CreateOrder", "CreateCustomer")

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _sandbox(cls, sandbox: Sandbox) -> None:
        cls.sandbox = sandbox

    @classmethod
    def pytest_generate_tests(cls, metafunc: pytest.Metafunc) -> None:
        if "served" in metafunc.fixturenames:
            metafunc.parametrize("served", cls.tried)

    def order(self, plugin: Plugin, number: str) -> OrderDraft:
        lines = [
            OrderLineDraft(
                product=ProductChoice(id=product), quantity="2", price=PriceChoice(net="10.50")
            )
            for product in ("1000", "1012")
        ]
        buyer = CustomerChoice(code="K0000")
        return OrderDraft(external_number=number, buyer=buyer, lines=lines)


class TestCom(_Writes):
    @classmethod
    def make_plugin(cls, folder: Path) -> Optima:
        path = Path(copyfile(cls.sandbox.path, folder / "optima.db"))
        return Optima(settings(path, company="Demo", orders=COM), Site("demo", folder))

    def examples(self, plugin: Any, operation: str) -> list[Message]:
        if operation == "CreateCustomer":
            return [CreateCustomerRequest(customer=self.customer())]
        other: Any = super().examples(plugin, operation)[0]
        other.order.buyer.draft.CopyFrom(self.customer())
        return [*super().examples(plugin, operation), other]

    def customer(self) -> CustomerDraft:
        address = Address(street="Żółta", house_number="7", postal_code="90-001", city="Łódź")
        return CustomerDraft(name=f"Nowy {next(self._numbers)}", address=address)


class _Listing(Optima):
    """Lists orders in the buffer too: a list has to be asked for them."""

    def list_orders(self, request: ListOrdersRequest, context: Context) -> ListOrdersResponse:
        asked = ListOrdersRequest()
        asked.CopyFrom(request)
        if not asked.states:
            asked.states.extend([OrderState.ORDER_STATE_DRAFT, OrderState.ORDER_STATE_OPEN])
        return super().list_orders(asked, context)


class TestDirect(_Writes):
    plugin_type = _Listing
    # What is looked up is the same.
    tried = ("CreateOrder",)

    @classmethod
    def make_plugin(cls, folder: Path) -> Optima:
        path = Path(copyfile(cls.sandbox.path, folder / "optima.db"))
        orders = {"mode": "sql", "template": cls.sandbox.template_order}
        return _Listing(settings(path, orders=orders), Site("demo", folder))
