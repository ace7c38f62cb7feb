"""What of an order Sfera nexo is known to take: the program itself counts and numbers."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from mostek.erp.v1.common_pb2 import TransactionKind
from mostek.erp.v1.customer_pb2 import CustomerDraft
from mostek.erp.v1.order_pb2 import OrderDraft
from mostek.plugin.orders.cards import CustomerCard, ProductCard
from mostek.plugin.orders.choices import known_id
from mostek.plugin.orders.lookup import Lookup, integer
from mostek.plugin.orders.plan import Chosen, Plan
from mostek.plugin.orders.planner import Defaults, OrderPlanner
from mostek.plugin.orders.problems import INACTIVE, INCONSISTENT, NOT_FOUND, OTHER
from mostek_subiekt.nexo.orders.cards import NexoCards
from mostek_subiekt.nexo.orders.config import NexoOrders

__all__ = ["NexoPlan", "NexoPlanner"]

NexoPlan = Plan[CustomerCard, ProductCard, None]

_MAIN_WAREHOUSE = (
    "SELECT MIN(b.GlownyMagazyn_Id) FROM ModelDanychContainer.JednostkiOrganizacyjne b"
)
_NOT_CREATED = "customers are not created in Subiekt nexo: add the customer in the program"
_NOT_KNOWN = "how Sfera nexo takes it is not known: leave it out"


class NexoPlanner(OrderPlanner[CustomerCard, ProductCard, None]):
    """Plans one order."""

    one_warehouse = "orders have one warehouse here: give `warehouse_id` of the order"

    def __init__(
        self, lookup: Lookup, config: NexoOrders | None, today: date, *, marked: bool
    ) -> None:
        super().__init__(NexoCards(lookup, marked=marked), today)
        self._lookup = lookup
        self._config = config

    def plan(self, draft: OrderDraft) -> NexoPlan:
        plan = super().plan(draft)
        for number, line in enumerate(plan.lines):
            if line and line.rate.id != line.product.vat:
                self.problems.unsupported(
                    f"lines[{number}].vat_code", "another rate than the product's can't be written"
                )
        return plan

    def defaults(self) -> Defaults:
        chosen = self._config.warehouse if self._config else None
        if chosen is None:
            found = self._lookup.one(_MAIN_WAREHOUSE)
            chosen = int(found[0]) if found and found[0] else 0
        return Defaults(warehouse=chosen)

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
        domestic = TransactionKind.TRANSACTION_KIND_DOMESTIC
        if draft.transaction_kind not in {0, domestic}:
            refuse("transaction_kind", "only domestic orders are written")
        if draft.document_wanted:
            refuse("document_wanted", "nexo's orders don't keep it: say it in the remarks")
        for name in ("series", "reserve", "price_list_id"):
            if draft.HasField(name):
                refuse(name, _NOT_KNOWN)
        for name in sorted(draft.attributes):
            refuse(f"attributes.{name}", _NOT_KNOWN)

    def new_customer(self, draft: CustomerDraft, path: str) -> Chosen[CustomerCard, None] | None:
        self.problems.unsupported(path, _NOT_CREATED)
        return None

    def check_customer(self, customer: CustomerCard, path: str) -> None:
        super().check_customer(customer, path)
        if not customer.code:
            self.problems.add(path, OTHER, "the customer has no symbol: give it one in the program")

    def warehouse(self, wanted: str) -> int:
        number = known_id(wanted)
        sql = "SELECT m.Id FROM ModelDanychContainer.Magazyny m WHERE m.Id = ?"
        return number if number and self._lookup.one(sql, integer(number)) else 0

    def price_list(self, wanted: str) -> int:
        """Any is refused; that it is there is told all the same."""
        number = known_id(wanted)
        sql = "SELECT c.Id FROM ModelDanychContainer.Cenniki c WHERE c.Id = ?"
        return number if number and self._lookup.one(sql, integer(number)) else 0

    def plan_payment(self, plan: NexoPlan, draft: OrderDraft) -> None:
        """What the draft says; else the program does what it does for this buyer."""
        if draft.HasField("payment_days"):
            said = "the days are those of the payment method: give payment_method_id instead"
            self.problems.unsupported("payment_days", said)
        if draft.HasField("payment_method_id"):
            plan.payment_method = self._payment_method(draft.payment_method_id)

    def _payment_method(self, wanted: str) -> int | None:
        path, number = "payment_method_id", known_id(wanted)
        sql = (
            "SELECT f.Aktywna, f.TerminPlatnosci FROM ModelDanychContainer.FormyPlatnosci f"
            " WHERE f.Id = ?"
        )
        found = self._lookup.one(sql, integer(number or 0))
        if found is None:
            self.problems.add(path, NOT_FOUND, "there is no such payment method")
            return None
        if not found[0]:
            self.problems.add(path, INACTIVE, "the payment method is withdrawn")
        if found[1] is None:
            self.problems.unsupported(path, "only deferred payment can be written")
        return number

    def plan_delivery(self, plan: NexoPlan, draft: OrderDraft) -> None:
        if kind := draft.delivery.WhichOneof("delivery"):
            self.problems.unsupported(f"delivery.{kind}", _NOT_KNOWN)
