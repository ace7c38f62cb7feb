"""What of an order Optima's objects take: the program itself counts, numbers and reserves."""

from __future__ import annotations

from datetime import date

from mostek.erp.v1.customer_pb2 import CustomerDraft
from mostek.erp.v1.order_pb2 import OrderDraft, OrderLineDraft
from mostek.plugin.orders.plan import Chosen, Plan, PlannedLine
from mostek.plugin.orders.planner import Defaults
from mostek.plugin.orders.problems import NOT_FOUND, UNSUPPORTED, Code
from mostek.plugin.sql_types import Param
from mostek_optima.com.customer import NewCustomer, plan_customer
from mostek_optima.orders.cards import Customer, OptimaCards, Product
from mostek_optima.orders.config import HOW_TO_ALLOW_ORDERS, ComConfig
from mostek_optima.orders.planner import OptimaPlanner

__all__ = ["ComPlan", "ComPlanner"]

ComPlan = Plan[Customer, Product, NewCustomer]

#: Attributes of documents (type 4) whose values are text: text, number, list. How a date is given is not known.
_ATTRIBUTE = "SELECT d.DeA_Format, d.DeA_Nieaktywny FROM CDN.DefAtrybuty d WHERE d.DeA_Typ = 4 AND d.DeA_Kod = ?"
_WRITTEN_FORMATS = {1, 2, 3}
_TAXED = 2


class ComPlanner(OptimaPlanner[NewCustomer]):
    """Plans one order. Without a configuration it is a plan of what would be written by one."""

    def __init__(self, cards: OptimaCards, config: ComConfig | None, today: date) -> None:
        super().__init__(cards, today, config.warehouse if config else None)
        self._config = config
        #: Values of attributes by their codes in Optima.
        self.attributes: dict[str, str] = {}

    def refusals(self) -> list[str]:
        codes = self._config.attributes.values() if self._config else ()
        for refused in map(self._attribute_refused, sorted(codes)):
            if refused:
                self.problems.add("", *refused)
        return super().refusals()

    def defaults(self) -> Defaults:
        return Defaults(warehouse=self.default_warehouse())

    def default_series(self) -> str:
        return (self._config.series if self._config else None) or ""

    def refuse_unsupported(self, draft: OrderDraft) -> None:
        if self._config is None:
            self.problems.add("", UNSUPPORTED, HOW_TO_ALLOW_ORDERS)
        super().refuse_unsupported(draft)
        if draft.HasField("payment_days"):
            self.problems.unsupported(
                "payment_days", "Optima counts the days by the payment method: give that instead"
            )
        if draft.HasField("price_list_id"):
            self.problems.unsupported(
                "price_list_id",
                "how Optima's objects take a price list is not known: give prices, or leave it to the program",
            )
        self._plan_attributes(draft)
        self._refuse_prices(draft)

    def _plan_attributes(self, draft: OrderDraft) -> None:
        allowed = self._config.attributes if self._config else {}
        for name, value in sorted(draft.attributes.items()):
            path = f"attributes.{name}"
            if name not in allowed:
                known = ", ".join(sorted(allowed)) or "none"
                self.problems.unsupported(path, f"may not be written here; these may: {known}")
                continue
            kind = self.lookup.type_of("DokAtrybuty", "DAt_WartoscTxt")
            self.attributes[allowed[name]] = self.problems.text(path, value, kind)
            if why := self._attribute_refused(allowed[name]):
                self.problems.add(path, *why)

    def _attribute_refused(self, code: str) -> tuple[Code, str] | None:
        found = self.lookup.one(_ATTRIBUTE, Param.of(code, "varchar(20)"))
        if found is None or found[1]:
            return NOT_FOUND, f"Optima has no attribute {code} of documents in use"
        if found[0] not in _WRITTEN_FORMATS:
            return (
                UNSUPPORTED,
                f"Optima's attribute {code} is a date or a file, which is not written",
            )
        return None

    def _refuse_prices(self, draft: OrderDraft) -> None:
        for number, line in enumerate(draft.lines):
            path = f"lines[{number}]"
            if line.discount not in {"", "0"} and float(line.discount):
                self.problems.unsupported(
                    f"{path}.discount",
                    "how Optima's objects take a discount is not known: give the price after it",
                )
            if draft.HasField("expected_total") and not line.HasField("price"):
                self.problems.unsupported(
                    "expected_total",
                    "what Optima will count is not known before it saves: give the price of every line, or leave this"
                    " out",
                )
                return

    def new_customer(self, draft: CustomerDraft, path: str) -> Chosen[Customer, NewCustomer] | None:
        assert isinstance(self.cards, OptimaCards)
        planned = plan_customer(self.cards, self._config, draft, path, self.problems)
        return Chosen(*planned) if planned else None

    def plan_delivery(self, plan: ComPlan, draft: OrderDraft) -> None:
        """An order has none of its own."""

    def plan_payment(self, plan: ComPlan, draft: OrderDraft) -> None:
        """What the draft says; else the program does what it does for this buyer."""
        if draft.HasField("payment_method_id"):
            plan.payment_method, _ = self.payment_method(draft.payment_method_id)

    def plan_more(self, plan: ComPlan, draft: OrderDraft) -> None:
        super().plan_more(plan, draft)
        plan.reserve = self._approves(draft)

    def _approves(self, draft: OrderDraft) -> bool:
        """An approved order reserves its goods, one in the buffer does not."""
        if draft.HasField("reserve"):
            return draft.reserve
        return self._config.approve if self._config else False

    def plan(self, draft: OrderDraft) -> ComPlan:
        plan = super().plan(draft)
        discounted = bool(plan.buyer and plan.buyer.customer.discount)
        for number, (line, given) in enumerate(zip(plan.lines, draft.lines, strict=True)):
            if line is not None and self._changes_kind_of_vat(line, given):
                self.problems.unsupported(
                    f"lines[{number}].vat_code",
                    "exempt and not subject can't be changed to or from",
                )
            if discounted and given.price.HasField("gross"):
                self.problems.unsupported(
                    f"lines[{number}].price.gross",
                    "Optima may take the buyer's discount off a gross price: give net prices for this buyer",
                )
        return plan

    def _changes_kind_of_vat(self, line: PlannedLine[Product], given: OrderLineDraft) -> bool:
        """A line has its rate set as a percentage only."""
        if not given.HasField("vat_code") or line.rate.id == line.product.vat:
            return False
        return line.product.flag != _TAXED or not str(line.rate.id).startswith(f"{_TAXED}:")
