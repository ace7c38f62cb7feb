"""What of a draft is Optima's own, however it is written."""

from __future__ import annotations

from abc import abstractmethod
from datetime import date
from decimal import Decimal
from typing import Generic, TypeVar

from mostek.erp.v1.common_pb2 import TransactionKind
from mostek.erp.v1.order_pb2 import OrderDraft
from mostek.plugin.orders.choices import known_id
from mostek.plugin.orders.lookup import Lookup, integer, text
from mostek.plugin.orders.plan import Plan
from mostek.plugin.orders.planner import OrderPlanner
from mostek.plugin.orders.problems import (
    AMBIGUOUS,
    INACTIVE,
    INCONSISTENT,
    NOT_FOUND,
)
from mostek.plugin.sql_types import Param
from mostek_optima.conversion import BASE_CURRENCY
from mostek_optima.orders.cards import Customer, OptimaCards, Product

__all__ = ["OptimaPlanner"]

N = TypeVar("N")

_WAREHOUSES = "SELECT m.Mag_MagId, m.Mag_NieAktywny FROM CDN.Magazyny m"
_PRICE_LIST = (
    "SELECT d.DfC_Lp FROM CDN.DefCeny d"
    " WHERE d.DfC_Lp = ? AND d.DfC_Lp > 1 AND COALESCE(d.DfC_Nieaktywna, 0) <> 1"
)
_SERIES = (
    "SELECT d.DDf_DDfID, d.DDf_Symbol FROM CDN.DokDefinicje d"
    " WHERE d.DDf_Klasa = 308 AND d.DDf_Nieaktywna = 0 AND d.DDf_Symbol = ?"
)
_METHOD = "SELECT f.FPl_Termin, f.FPl_NieAktywny FROM CDN.FormyPlatnosci f WHERE f.FPl_FPlId = ?"


class OptimaPlanner(OrderPlanner[Customer, Product, N], Generic[N]):
    """Plans one order. `N` is what a customer is created from; `chosen` is the configured warehouse."""

    one_warehouse = (
        "an order (RO) reserves in one warehouse here: give `warehouse_id` of the order instead"
    )

    def __init__(self, cards: OptimaCards, today: date, chosen: int | None) -> None:
        super().__init__(cards, today)
        self.lookup: Lookup = cards.lookup
        self._chosen_warehouse = chosen
        self._no_warehouse = "there are several warehouses: name one, or set `warehouse` in [companies.<name>.orders]"

    @abstractmethod
    def default_series(self) -> str:
        """The symbol of the definition of orders that name none; empty: the program's."""

    def refusals(self) -> list[str]:
        """Why nothing is written, whatever the draft: what the configuration names and is not there."""
        if self._chosen_warehouse is not None and not self.default_warehouse():
            self.problems.add("", NOT_FOUND, self._no_warehouse)
        self._series(self.default_series(), "")
        return [problem.message for problem in self.problems.found]

    # What is not written

    def refuse_unsupported(self, draft: OrderDraft) -> None:
        refuse = self.problems.unsupported
        if draft.currency not in {"", BASE_CURRENCY}:
            refuse("currency", "orders are written in PLN only")
        elif draft.HasField("exchange_rate"):
            self.problems.add(
                "exchange_rate", INCONSISTENT, "PLN has no exchange rate: leave it out"
            )
        if Decimal(draft.discount or "0"):
            refuse("discount", "give the prices of the lines instead of a discount of the order")
        domestic = TransactionKind.TRANSACTION_KIND_DOMESTIC
        if draft.transaction_kind not in {0, domestic}:
            refuse("transaction_kind", "only domestic orders are written")
        if draft.document_wanted:
            refuse("document_wanted", "Optima's orders don't keep it: say it in the remarks")
        if kind := draft.delivery.WhichOneof("delivery"):
            refuse(
                f"delivery.{kind}",
                "an order has no delivery address of its own here: give a recipient, or say it in the remarks",
            )

    # What the draft names

    def warehouse(self, wanted: str) -> int:
        number = known_id(wanted)
        return number if number in self._warehouses() else 0

    def default_warehouse(self, otherwise: int = 0) -> int:
        """The configured warehouse, else the given one, else the only one; 0, which is a problem, if none is meant."""
        known = self._warehouses()
        if self._chosen_warehouse is not None:
            if self._chosen_warehouse in known:
                return self._chosen_warehouse
            self._no_warehouse = (
                "the warehouse of [companies.<name>.orders] is not there, or not in use: name one"
            )
            return 0
        if otherwise in known:
            return otherwise
        return known[0] if len(known) == 1 else 0

    def _warehouses(self) -> list[int]:
        return [int(row[0]) for row in self.lookup.fetch(_WAREHOUSES) if not row[1]]

    def price_list(self, wanted: str) -> int:
        number = known_id(wanted) or 0
        return number if number and self.lookup.one(_PRICE_LIST, integer(number)) else 0

    def plan_more(self, plan: Plan[Customer, Product, N], draft: OrderDraft) -> None:
        plan.series = self._series(draft.series, "series") if draft.series else ""
        plan.series = plan.series or self._series(self.default_series(), "")
        if not plan.warehouse and not draft.warehouse_id:
            self.problems.add("warehouse_id", NOT_FOUND, self._no_warehouse)
        export = plan.buyer.customer.export if plan.buyer else 0
        if export and not draft.transaction_kind:
            self.problems.warn(
                "transaction_kind",
                f"the sales to this buyer are not domestic (Knt_Export {export}); the order is",
            )

    def _series(self, wanted: str, path: str) -> str:
        """The symbol as the ERP has it."""
        if not wanted or not self.problems.fits(path, wanted, self.cards.column("series")):
            return ""
        found = self.lookup.fetch(_SERIES, Param.of(wanted, "varchar(5)"))
        if len(found) != 1:
            code = AMBIGUOUS if found else NOT_FOUND
            many = "several definitions" if found else "no definition in use"
            self.problems.add(path, code, f"{many} of orders (RO) has the symbol {wanted}")
            return ""
        return text(found[0][1])

    def payment_method(self, wanted: str) -> tuple[int | None, int]:
        """The id and the days of a payment form that the draft names."""
        number = known_id(wanted)
        found = self.lookup.one(_METHOD, integer(number)) if number else None
        if found is None:
            self.problems.add("payment_method_id", NOT_FOUND, "there is no such payment method")
            return None, 0
        if found[1]:
            self.problems.add("payment_method_id", INACTIVE, "the payment method is not in use")
        return number, int(found[0])
