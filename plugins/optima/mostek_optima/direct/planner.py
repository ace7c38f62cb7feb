"""What of a draft direct SQL writes."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from mostek.erp.v1.customer_pb2 import CustomerDraft
from mostek.erp.v1.order_pb2 import OrderDraft
from mostek.plugin.orders.lookup import text
from mostek.plugin.orders.plan import Chosen, Plan
from mostek.plugin.orders.planner import Defaults
from mostek.plugin.orders.problems import TOO_LONG, UNSUPPORTED
from mostek.wire.failures import Unsupported
from mostek_optima.direct.numbering import Numbering
from mostek_optima.direct.rows import Rows
from mostek_optima.direct.template import Template
from mostek_optima.orders.cards import Customer, OptimaCards, Product
from mostek_optima.orders.config import (
    HOW_TO_ALLOW_CUSTOMERS,
    HOW_TO_ALLOW_ORDERS,
    DirectConfig,
)
from mostek_optima.orders.planner import OptimaPlanner

__all__ = ["DirectPlan", "DirectPlanner"]

DirectPlan = Plan[Customer, Product, None]

#: Digits of a discount's column after the point.
_DISCOUNT = Decimal("0.01")
_BUFFER = "it is written into the buffer: nothing is reserved until an operator approves it"


class DirectPlanner(OptimaPlanner[None]):
    """Plans one order that is a copy of the template; without a configuration none is written."""

    def __init__(self, cards: OptimaCards, config: DirectConfig | None, today: date) -> None:
        super().__init__(cards, today, config.warehouse if config else None)
        self.rows = Rows(cards.lookup)
        self.template: Template | None = None
        self.numbering: Numbering | None = None
        self._config = config

    def plan(self, draft: OrderDraft) -> DirectPlan:
        self._read_template()
        return super().plan(draft)

    def refusals(self) -> list[str]:
        self._read_template()
        return super().refusals()

    def _read_template(self) -> None:
        if self._config is None:
            self.problems.add("", UNSUPPORTED, HOW_TO_ALLOW_ORDERS)
            return
        try:
            self.template = Template.read(self.rows, self._config.template)
            self.numbering = Numbering.of(self.template.order)
        except Unsupported as refused:
            self.problems.add("", UNSUPPORTED, refused.message)
        else:
            self.problems.warn("", _BUFFER)

    def defaults(self) -> Defaults:
        template = self.template
        return Defaults(
            warehouse=self.default_warehouse(template.warehouse if template else 0),
            from_net=template.from_net if template else True,
        )

    def default_series(self) -> str:
        """The template's: a copy has its definition."""
        return ""

    def refuse_unsupported(self, draft: OrderDraft) -> None:
        super().refuse_unsupported(draft)
        refuse = self.problems.unsupported
        if draft.reserve:
            refuse(
                "reserve",
                "direct SQL can't reserve goods: leave it out, and approve the order in the program",
            )
        if draft.series:
            refuse("series", "orders are copies of the template, in its series: leave it out")
        for name in sorted(draft.attributes):
            refuse(f"attributes.{name}", "attributes are not written by direct SQL: leave it out")
        for number, line in enumerate(draft.lines):
            discount = Decimal(line.discount or "0")
            if discount != discount.quantize(_DISCOUNT):
                path = f"lines[{number}].discount"
                self.problems.add(path, TOO_LONG, "has more than 2 digits after the point")

    def new_customer(self, draft: CustomerDraft, path: str) -> Chosen[Customer, None] | None:
        self.problems.unsupported(path, HOW_TO_ALLOW_CUSTOMERS)
        return None

    def plan_delivery(self, plan: DirectPlan, draft: OrderDraft) -> None:
        """An order has none of its own."""

    def plan_payment(self, plan: DirectPlan, draft: OrderDraft) -> None:
        """As the draft says, else as the buyer's card, else as the template. A term of the buyer's own comes before
        that of its form."""
        buyer = plan.buyer.customer if plan.buyer else None
        usual = (buyer.payment if buyer else 0) or (self.template.payment if self.template else 0)
        wanted = draft.payment_method_id or usual
        days = 0
        if wanted:
            plan.payment_method, days = self.payment_method(text(str(wanted)))
        if buyer and buyer.days is not None and plan.payment_method == (usual or None):
            days = buyer.days
        if draft.HasField("payment_days"):
            days = draft.payment_days
        plan.due = plan.order_date + timedelta(days=days)
