"""What of an order Sfera GT takes: the program itself counts, numbers and reserves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from mostek.erp.v1.customer_pb2 import CustomerDraft
from mostek.erp.v1.order_pb2 import OrderDraft, ProductChoice
from mostek.plugin.orders.plan import Chosen, Plan
from mostek.plugin.orders.planner import Defaults
from mostek.plugin.orders.problems import INCONSISTENT
from mostek_subiekt.orders.cards import SubiektCards
from mostek_subiekt.orders.config import SferaConfig
from mostek_subiekt.orders.customers import PRICE_LEVELS, Customer
from mostek_subiekt.orders.planner import SubiektPlanner
from mostek_subiekt.orders.products import Product
from mostek_subiekt.orders.rows import Rows
from mostek_subiekt.sfera.customer import NewCustomer, plan_customer

__all__ = ["SferaPlan", "SferaPlanner"]

SferaPlan = Plan[Customer, Product, NewCustomer]

_MAIN_WAREHOUSE = "SELECT mag_Id FROM dbo.sl_Magazyn WHERE mag_Glowny = 1"
_RESERVED = 7


class SferaPlanner(SubiektPlanner[NewCustomer]):
    """Plans one order."""

    def __init__(self, rows: Rows, config: SferaConfig, today: date) -> None:
        super().__init__(rows, today)
        self.cards = _Cards(rows)
        self._config = config

    def defaults(self) -> Defaults:
        from_sums, whole, _, from_net, level = self._parameters
        return Defaults(
            warehouse=self._config.warehouse or self._main_warehouse(),
            price_list=level if level in PRICE_LEVELS else 0,
            from_net=bool(from_net),
            from_sums=not from_sums,
            whole_grosze=bool(whole),
        )

    def _main_warehouse(self) -> int:
        found = self.rows.one(_MAIN_WAREHOUSE)
        return int(found[0]) if found else 0

    def _reserves(self, draft: OrderDraft) -> bool:
        """Whether goods are held for the order: as it says, else as the program is set."""
        if draft.HasField("reserve"):
            return draft.reserve
        found = self.rows.one("SELECT su_StatusDokZK FROM dbo.su_Parametr")
        return bool(found and found[0] == _RESERVED)

    def refuse_unsupported(self, draft: OrderDraft) -> None:
        super().refuse_unsupported(draft)
        for name in sorted(draft.attributes):
            self.problems.unsupported(
                f"attributes.{name}", "own fields of orders can't be written: leave it out"
            )

    def new_customer(self, draft: CustomerDraft, path: str) -> Chosen[Customer, NewCustomer] | None:
        planned = plan_customer(self.rows, self._config, draft, path, self.problems)
        return Chosen(*planned) if planned else None

    def plan_more(self, plan: SferaPlan, draft: OrderDraft) -> None:
        plan.reserve = self._reserves(draft)

    def plan_delivery(self, plan: SferaPlan, draft: OrderDraft) -> None:
        if kind := draft.delivery.WhichOneof("delivery"):
            self.problems.unsupported(
                f"delivery.{kind}",
                "how Sfera takes a delivery address is not known: leave it out and say it in the remarks",
            )

    def plan_payment(self, plan: SferaPlan, draft: OrderDraft) -> None:
        """What the draft says; else the program does what it does for this buyer."""
        days = None
        if draft.HasField("payment_method_id"):
            plan.payment_method, days = self.payment_method(draft.payment_method_id)
        if draft.HasField("payment_days"):
            days = draft.payment_days
            if not draft.HasField("payment_method_id"):
                needs = "needs a payment method with days"
                self.problems.add("payment_days", INCONSISTENT, needs)
        if plan.payment_method and days is not None:
            plan.due = plan.order_date + timedelta(days=days)

    def refuse_method(self, kind: int, path: str) -> None:
        if kind:
            self.problems.unsupported(path, "only deferred payment can be written")


class _Cards(SubiektCards):
    """The program adds excise, fees and packaging itself: nothing is to be said of them."""

    def products(self, choices: Sequence[ProductChoice]) -> list[list[Product]]:
        return [
            [replace(product, remarks=()) for product in found]
            for found in super().products(choices)
        ]
