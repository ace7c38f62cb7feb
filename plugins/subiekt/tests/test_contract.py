"""The conformance suite on the sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

from mostek.erp.v1.order_pb2 import (
    CustomerChoice,
    OrderDraft,
    OrderLineDraft,
    PriceChoice,
    ProductChoice,
)
from mostek.plugin.contract import FilterCase, OrderContract, PluginContract
from mostek.plugin.plugin import Plugin, Site
from mostek.plugin.schema import ReferenceSchema
from mostek_subiekt.config import SubiektConfig
from mostek_subiekt.gt import SubiektGt
from mostek_subiekt.sandbox import create
from mostek_subiekt.schema import older_schema, reference_schema


def _ksef_number(invoice: Any) -> Any:
    return invoice.ksef.number or None


class TestSubiektGt(PluginContract, OrderContract):
    plugin_type = SubiektGt
    large_tables = frozenset(
        f"dbo.{table}"
        for table in (
            *("kh__Kontrahent", "adr__Ewid", "adr_Historia", "adr_Email", "tel__Ewid"),
            *("kh_Pracownik", "kh_AdresyDostawy", "tw__Towar", "tw_Cena", "tw_Stan"),
            *("tw_KodKreskowy", "tw_JednMiary", "tw_Komplet", "dok__Dokument", "dok_Pozycja"),
            *("dok_Vat", "dok_PowiazanieFsdPA", "nz__Finanse", "ksef_NumerKSeF"),
        )
    )
    # A number in the older place, dok_NumerKSeF, has no index that anybody knows of.
    filters: ClassVar[Mapping[str, Mapping[str, FilterCase]]] = {
        "ListInvoices": {
            "ksef_number": FilterCase(
                _ksef_number, lambda invoice, number: invoice.ksef.number == number, walks=True
            )
        }
    }

    @classmethod
    def make_plugin(cls, folder: Path) -> SubiektGt:
        path = folder / "subiekt.db"
        made = create(path, customers=160, products=160, invoices=240, today=date(2026, 11, 20))
        settings = {
            "database": {"kind": "sqlite", "path": str(path)},
            "orders": {"template": made.template_order},
        }
        return SubiektGt(SubiektConfig.model_validate(settings), Site("demo", folder))

    def order(self, plugin: Plugin, number: str) -> OrderDraft:
        lines = [
            OrderLineDraft(
                product=ProductChoice(code=code), quantity="2", price=PriceChoice(net="10.50")
            )
            for code in ("GNI-000000", "NAK-000004")
        ]
        buyer = CustomerChoice(tax_id="631-202-35-11")
        return OrderDraft(external_number=number, buyer=buyer, lines=lines)

    def reference_schemas(self) -> Mapping[str, ReferenceSchema]:
        return {"1.88": reference_schema(), "about 2024": older_schema()}
