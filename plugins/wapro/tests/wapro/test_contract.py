"""The conformance suite on the sandbox."""

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
from mostek.plugin.contract import OrderContract, PluginContract
from mostek.plugin.plugin import Plugin, Site
from mostek.plugin.schema import ReferenceSchema
from mostek_wapro.config import WaproConfig
from mostek_wapro.mag import WaproMag
from mostek_wapro.sandbox import create
from mostek_wapro.schema import older_schema, reference_schema

from .conftest import LARGE_TABLES

ADDRESS = Address(street="Długa", house_number="7", postal_code="90-001", city="Łódź")


class TestWaproMag(ThroughRunner, OrderContract, PluginContract):
    plugin_type = WaproMag
    counters = frozenset({"dbo.NUMERACJA"})
    large_tables = LARGE_TABLES
    # No column is known that holds the number.
    unsupported_filters = frozenset({"ListInvoices.ksef_number"})

    @classmethod
    def make_plugin(cls, folder: Path) -> WaproMag:
        path = create(
            folder / "wapro.db", customers=160, products=120, invoices=300, today=date(2026, 11, 20)
        )
        settings = {
            "database": {"kind": "sqlite", "path": str(path)},
            "company": "Nasza",
            "orders": {
                **{"user": "MOSTEK", "warehouse": "MAG"},
                **{"customers": True, "deliveries": True},
            },
        }
        return WaproMag(WaproConfig.model_validate(settings), Site("demo", folder))

    def examples(self, plugin: Any, operation: str) -> list[Message]:
        if operation == "CreateCustomer":
            return [CreateCustomerRequest(customer=self.customer())]
        found: list[Any] = super().examples(plugin, operation)
        if operation in {"CreateOrder", "ValidateOrder"}:
            # One for a buyer that is there, one for a new one with an address of its own.
            other: Any = super().examples(plugin, operation)[0]
            other.order.buyer.draft.CopyFrom(self.customer())
            other.order.delivery.address.address.CopyFrom(ADDRESS)
            found.append(other)
        return found

    def customer(self) -> CustomerDraft:
        return CustomerDraft(name=f"Nowy {next(self._numbers)}", address=ADDRESS)

    def order(self, plugin: Plugin, number: str) -> OrderDraft:
        lines = [
            OrderLineDraft(
                product=ProductChoice(code=code), quantity="2", price=PriceChoice(net="10.50")
            )
            for code in ("NAK-00001", "GNI-00004")
        ]
        buyer = CustomerChoice(id="3000000001")
        return OrderDraft(external_number=number, buyer=buyer, lines=lines)

    def reference_schemas(self) -> Mapping[str, ReferenceSchema]:
        return {"8": reference_schema(), "2017": older_schema()}
