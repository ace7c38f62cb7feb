"""The conformance suite on the sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

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
from mostek.plugin.contract import FilterCase, OrderContract, PluginContract
from mostek.plugin.contract_hostile import LITERALS
from mostek.plugin.plugin import Plugin, Site
from mostek.plugin.sandbox import connect_sandbox
from mostek.plugin.schema import ReferenceSchema
from mostek_subiekt.config import SubiektConfig
from mostek_subiekt.gt import SubiektGt
from mostek_subiekt.sandbox import create
from mostek_subiekt.schema import older_schema, reference_schema

ADDRESS = Address(street="Długa", house_number="7", postal_code="90-001", city="Łódź")


#: A list of the site's own, by any text.
NAMED = r"""
-- key: t.tw_Id int
-- :q varchar(50) contains
SELECT t.tw_Nazwa AS [name]
FROM dbo.tw__Towar t
WHERE t.tw_Id > 0
  AND t.tw_Nazwa LIKE :q ESCAPE '\'  --? q
"""


def _company(path: Path) -> int:
    """A customer for copies to be made of."""
    with closing(connect_sandbox(path)) as erp:
        return int(
            erp.execute(
                "SELECT MIN(kh_Id) FROM dbo.kh__Kontrahent JOIN dbo.adr__Ewid ON adr_IdObiektu = kh_Id"
                " AND adr_TypAdresu = 1 WHERE kh_Zablokowany = 0 AND kh_Jednorazowy = 0"
                " AND kh_IdRabat IS NULL AND length(adr_NIP) >= 10 AND adr_NIP < 'A'"
            ).fetchone()[0]
        )


def _plant(path: Path) -> None:
    """Names that hold what means something to LIKE and to SQL, so that there is something to find."""
    with closing(connect_sandbox(path)) as erp:
        for number, text in enumerate(LITERALS, 3):
            erp.execute(
                "UPDATE dbo.tw__Towar SET tw_Nazwa = ? WHERE tw_Id = ?", (f"Klucz {text}9", number)
            )
            erp.execute(
                "UPDATE dbo.adr__Ewid SET adr_Nazwa = ? WHERE adr_TypAdresu = 1 AND adr_IdObiektu = ?",
                (f"Firma {text}9", number),
            )


def _ksef_number(invoice: Any) -> Any:
    return invoice.ksef.number or None


class TestSubiektGt(ThroughRunner, OrderContract, PluginContract):
    plugin_type = SubiektGt
    counters = frozenset({"dbo.ins_ident"})
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
        _plant(path)
        (folder / "records").mkdir()
        (folder / "records" / "named.sql").write_text(NAMED, encoding="utf-8")
        settings = {
            "database": {"kind": "sqlite", "path": str(path)},
            "queries": str(folder),
            "orders": {
                "template": made.template_order,
                "customers": True,
                "company_template": _company(path),
            },
        }
        return SubiektGt(SubiektConfig.model_validate(settings), Site("demo", folder))

    def examples(self, plugin: Any, operation: str) -> list[Message]:
        if operation == "CreateCustomer":
            return [CreateCustomerRequest(customer=self.customer())]
        if operation == "ListRecords":
            return [ListRecordsRequest(list="named", parameters={"q": "x"})]
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
            for code in ("GNI-000000", "NAK-000004")
        ]
        buyer = CustomerChoice(tax_id="631-202-35-11")
        return OrderDraft(external_number=number, buyer=buyer, lines=lines)

    def reference_schemas(self) -> Mapping[str, ReferenceSchema]:
        return {"1.88": reference_schema(), "about 2024": older_schema()}
