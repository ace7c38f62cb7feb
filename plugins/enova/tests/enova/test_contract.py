"""The conformance suite on the sandbox, with the double of the program's objects."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

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
from mostek.erp.v1.record_pb2 import ListRecordsRequest
from mostek.plugin.contract import OrderContract, PluginContract
from mostek.plugin.plugin import Plugin, Site
from mostek.plugin.schema import ReferenceSchema
from mostek_enova.config import EnovaConfig
from mostek_enova.enova import Enova365
from mostek_enova.sandbox import create
from mostek_enova.schema import older_schema, reference_schema

from .conftest import LARGE_TABLES, ORDERS

ADDRESS = Address(street="Długa", house_number="7", postal_code="90-001", city="Łódź")
#: A list of the site's own, by any text.
NAMED = r"""
-- key: t.ID int
-- :q nvarchar(50) contains
SELECT t.Nazwa AS [name]
FROM dbo.Towary t
WHERE t.ID > 0
  AND t.Nazwa LIKE :q ESCAPE '\'  --? q
"""


class TestEnova365(ThroughRunner, OrderContract, PluginContract):
    plugin_type = Enova365
    large_tables = LARGE_TABLES
    # Groups are features of each site's own.
    unsupported_filters = frozenset({"ListCustomers.group_id", "ListProducts.group_id"})

    @classmethod
    def make_plugin(cls, folder: Path) -> Enova365:
        path = create(
            folder / "enova.db", customers=120, products=120, invoices=330, today=date(2026, 11, 20)
        )
        (folder / "records").mkdir()
        (folder / "records" / "named.sql").write_text(NAMED, encoding="utf-8")
        settings = {
            "database": {"kind": "sqlite", "path": str(path)},
            "queries": str(folder),
            "orders": ORDERS | {"approve": True},
        }
        return Enova365(EnovaConfig.model_validate(settings), Site("demo", folder))

    def examples(self, plugin: Any, operation: str) -> list[Message]:
        if operation == "CreateCustomer":
            return [CreateCustomerRequest(customer=self.customer())]
        if operation == "ListRecords":
            return [ListRecordsRequest(list="named", parameters={"q": "x"})]
        found: list[Any] = super().examples(plugin, operation)
        if operation in {"CreateOrder", "ValidateOrder"}:
            # One for a buyer that is there, one for a new one.
            other: Any = super().examples(plugin, operation)[0]
            other.order.buyer.draft.CopyFrom(self.customer())
            found.append(other)
        return found

    def customer(self) -> CustomerDraft:
        return CustomerDraft(name=f"Nowy {next(self._numbers)}", address=ADDRESS)

    def order(self, plugin: Plugin, number: str) -> OrderDraft:
        lines = [
            OrderLineDraft(
                product=ProductChoice(code=code), quantity="2", price=PriceChoice(net="10.50")
            )
            for code in ("ŚRU-00000", "NAK-00001")
        ]
        buyer = CustomerChoice(code="KARTY")
        return OrderDraft(external_number=number, buyer=buyer, lines=lines)

    def reference_schemas(self) -> Mapping[str, ReferenceSchema]:
        return {"2026": reference_schema(), "about 2016": older_schema()}
