"""What of a draft is Subiekt GT's own, however it is written: what the program has, what is named, remarks."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Generic, TypeVar

from mostek.erp.v1.common_pb2 import TransactionKind
from mostek.erp.v1.order_pb2 import OrderDraft
from mostek.plugin.orders.choices import known_id
from mostek.plugin.orders.lookup import integer
from mostek.plugin.orders.plan import Plan
from mostek.plugin.orders.planner import OrderPlanner
from mostek.plugin.orders.problems import INACTIVE, INCONSISTENT, NOT_FOUND, OTHER, TOO_LONG
from mostek_subiekt.orders.cards import SubiektCards
from mostek_subiekt.orders.customers import PRICE_LEVELS, Customer
from mostek_subiekt.orders.products import Product
from mostek_subiekt.orders.rows import Rows
from mostek_subiekt.orders.template import ORDER

__all__ = ["SubiektPlanner", "split_remarks"]

N = TypeVar("N")

_PARAMETERS = (
    "SELECT dkp_SpLiczVAT, dkp_CenyPrecyzjaZwykla, dkp_UzyjAdresuDostawy, dkp_CenyTyp, dkp_CenyPoziom"
    " FROM dbo.dok_Parametr WHERE dkp_Typ = ? AND dkp_Podtyp = 0 AND dkp_DefiniowalnyId = 0"
)
_SERIES = "ZK"


def split_remarks(text: str, size: int) -> tuple[str, str] | None:
    """The two columns of remarks: a text too long for the first goes on after a line break in the second; None if it
    has no line break where it is needed."""
    if len(text) <= size:
        return text, ""
    end = text.rfind("\n", 0, size + 1)
    return None if end < 0 else (text[:end], text[end + 1 :])


class SubiektPlanner(OrderPlanner[Customer, Product, N], Generic[N]):
    """Plans one order. `N` is what a customer is created from."""

    one_warehouse = (
        "Subiekt GT has one warehouse for the whole order: give `warehouse_id` of the order"
    )

    def __init__(self, rows: Rows, today: date) -> None:
        super().__init__(SubiektCards(rows), today)
        self.rows = rows
        self._parameters: Sequence[Any] = ()

    def plan(self, draft: OrderDraft) -> Plan[Customer, Product, N]:
        parameters = self.rows.one(_PARAMETERS, integer(ORDER))
        self._parameters = parameters or (0, 0, 0, 1, 1)
        return super().plan(draft)

    # What is not written

    def refuse_unsupported(self, draft: OrderDraft) -> None:
        refuse = self.problems.unsupported
        if draft.currency not in {"", "PLN"}:
            refuse("currency", "orders are written in PLN only")
        elif draft.HasField("exchange_rate"):
            self.problems.add(
                "exchange_rate", INCONSISTENT, "PLN has no exchange rate: leave it out"
            )
        if Decimal(draft.discount or "0"):
            refuse("discount", "give the discount at each line instead of the whole order")
        if draft.series not in {"", _SERIES}:
            refuse("series", f"orders have the one series {_SERIES}: leave it out")
        domestic = TransactionKind.TRANSACTION_KIND_DOMESTIC
        if draft.transaction_kind not in {0, domestic}:
            refuse("transaction_kind", "only domestic orders are written")
        if draft.document_wanted:
            refuse("document_wanted", "Subiekt GT's orders don't keep it: say it in the remarks")

    # What the draft names

    def warehouse(self, wanted: str) -> int:
        number = known_id(wanted) or 0
        sql = "SELECT mag_Id FROM dbo.sl_Magazyn WHERE mag_Id = ?"
        return number if number and self.rows.one(sql, integer(number)) else 0

    def price_list(self, wanted: str) -> int:
        number = known_id(wanted) or 0
        return number if number in PRICE_LEVELS else 0

    def check_customer(self, customer: Customer, path: str) -> None:
        super().check_customer(customer, path)
        if not customer.address:
            self.problems.add(path, OTHER, "the customer has no address: fill it in in the program")

    def remarks(self, draft: OrderDraft) -> str:
        kinds = [self.rows.type_of("dok__Dokument", n) for n in ("dok_Uwagi", "dok_UwagiExt")]
        size = kinds[0].size or 0
        parts = split_remarks(draft.remarks, size)
        if parts is None:
            limit = f"more than {size} characters need a line break among the first {size + 1}"
            self.problems.add("remarks", TOO_LONG, limit)
            return ""
        checked = [
            self.problems.text("remarks", part, kind)
            for part, kind in zip(parts, kinds, strict=True)
        ]
        return "\n".join(checked) if parts[1] else checked[0]

    # Payment

    @abstractmethod
    def refuse_method(self, kind: int, path: str) -> None:
        """Tell `problems` of a payment method of a kind (`fp_Typ`) that can't be written."""

    def payment_method(self, wanted: str) -> tuple[int | None, int | None]:
        """The id and the days of a payment method that the draft names."""
        path, number = "payment_method_id", known_id(wanted)
        sql = "SELECT fp_Typ, fp_Aktywna, fp_Termin FROM dbo.sl_FormaPlatnosci WHERE fp_Id = ?"
        found = self.rows.one(sql, integer(number or 0))
        if found is None:
            self.problems.add(path, NOT_FOUND, "there is no such payment method")
            return None, None
        if not found[1]:
            self.problems.add(path, INACTIVE, "the payment method is withdrawn")
        self.refuse_method(int(found[0]), path)
        return number, int(found[2])
