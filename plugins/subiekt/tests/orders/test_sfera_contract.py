"""The conformance suite of writes, by Sfera GT."""

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
    OrderDraft,
    OrderLineDraft,
    PriceChoice,
    ProductChoice,
)
from mostek.plugin.contract import OrderContract
from mostek.plugin.contract_hostile import HostileContract
from mostek.plugin.plugin import Plugin, Site
from mostek_subiekt.config import SubiektConfig
from mostek_subiekt.gt import SubiektGt

from .test_sfera import PLAIN, SFERA

WRITES = ("ValidateOrder", "CreateOrder", "CreateCustomer")


class TestSfera(ThroughRunner, OrderContract, HostileContract):
    """Reads are the same however it is written: `test_contract.py` has their rules."""

    plugin_type = SubiektGt
    counters = frozenset({"dbo.ins_ident"})
    test_a_literal_is_looked_for_as_it_stands: ClassVar[Any] = None
    sandbox: ClassVar[Path]

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _sandbox(cls, current: Path) -> None:
        cls.sandbox = current

    @classmethod
    def pytest_generate_tests(cls, metafunc: pytest.Metafunc) -> None:
        if "served" in metafunc.fixturenames:
            metafunc.parametrize("served", WRITES)

    @classmethod
    def make_plugin(cls, folder: Path) -> SubiektGt:
        path = copyfile(cls.sandbox, folder / "subiekt.db")
        settings = {"database": {"kind": "sqlite", "path": str(path)}, "orders": SFERA}
        return SubiektGt(SubiektConfig.model_validate(settings), Site("demo", folder))

    def examples(self, plugin: Any, operation: str) -> list[Message]:
        if operation == "CreateCustomer":
            return [CreateCustomerRequest(customer=self.customer())]
        other: Any = super().examples(plugin, operation)[0]
        other.order.buyer.draft.CopyFrom(self.customer())
        return [*super().examples(plugin, operation), other]

    def customer(self) -> CustomerDraft:
        return CustomerDraft(name=f"Nowy {next(self._numbers)}", address=Address(**PLAIN))

    def order(self, plugin: Plugin, number: str) -> OrderDraft:
        lines = [
            OrderLineDraft(
                product=ProductChoice(code=code), quantity="2", price=PriceChoice(net="10.50")
            )
            for code in ("GNI-000000", "NAK-000004")
        ]
        buyer = CustomerChoice(tax_id="631-202-35-11")
        return OrderDraft(external_number=number, buyer=buyer, lines=lines)
