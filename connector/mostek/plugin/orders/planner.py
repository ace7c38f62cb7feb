"""From a draft to a plan: everything that it names is looked up, everything that is wrong with it is told at once.

Paths of problems begin at the draft: `lines[2].product.code`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Generic, TypeVar

from mostek.erp.v1.customer_pb2 import CustomerDraft
from mostek.erp.v1.order_pb2 import CustomerChoice, OrderDraft
from mostek.plugin.orders.cards import Cards, CustomerCard, ProductCard
from mostek.plugin.orders.lines import Lines, Terms, counted_from_net
from mostek.plugin.orders.plan import Chosen, Plan
from mostek.plugin.orders.problems import (
    AMBIGUOUS,
    DUPLICATE,
    INACTIVE,
    INCONSISTENT,
    NOT_FOUND,
    TOTAL_DIFFERS,
    Problems,
)

__all__ = ["Defaults", "OrderPlanner"]

_LAST_YEAR = 9998

C = TypeVar("C", bound=CustomerCard)
P = TypeVar("P", bound=ProductCard)
N = TypeVar("N")


@dataclass(frozen=True)
class Defaults:
    """What an order has that says nothing else; `from_net` where neither the buyer nor a price tells."""

    warehouse: int = 0
    price_list: int = 0
    from_net: bool = True
    #: How the program counts the VAT of a document; `Plan.from_sums`.
    from_sums: bool = True
    whole_grosze: bool = False
    #: `Terms.final_prices`.
    final_prices: bool = False
    #: From the order date.
    delivery_days: int | None = None


class OrderPlanner(ABC, Generic[C, P, N]):
    """Plans one order. `today` is the day at the site. A plugin says what its ERP has and does not have."""

    #: Why a line may have no other warehouse than the order; empty: it may.
    one_warehouse = ""

    def __init__(self, cards: Cards[C, P], today: date) -> None:
        self.cards = cards
        self.today = today
        self.problems = Problems()

    # What a plugin says.

    @abstractmethod
    def defaults(self) -> Defaults:
        """The program's settings for orders."""

    @abstractmethod
    def refuse_unsupported(self, draft: OrderDraft) -> None:
        """Tell `problems` of what the ERP, or this way of writing to it, does not have."""

    @abstractmethod
    def new_customer(self, draft: CustomerDraft, path: str) -> Chosen[C, N] | None:
        """What a customer that is not there is created from; None if something is wrong, which `problems` tells."""

    @abstractmethod
    def warehouse(self, wanted: str) -> int:
        """The warehouse of that id; 0 if there is none."""

    @abstractmethod
    def price_list(self, wanted: str) -> int:
        """The price list of that id; 0 if there is none."""

    @abstractmethod
    def plan_payment(self, plan: Plan[C, P, N], draft: OrderDraft) -> None:
        """How and when it is paid."""

    @abstractmethod
    def plan_delivery(self, plan: Plan[C, P, N], draft: OrderDraft) -> None:
        """Where the goods go."""

    def plan_more(self, plan: Plan[C, P, N], draft: OrderDraft) -> None:
        """What else the ERP has: series, own fields."""

    def check_customer(self, customer: C, path: str) -> None:
        """Whether anything may be ordered for it."""
        if customer.blocked:
            self.problems.add(path, INACTIVE, customer.blocked)

    def remarks(self, draft: OrderDraft) -> str:
        """As the ERP can hold them."""
        return self.problems.text("remarks", draft.remarks, self.cards.column("remarks"))

    # What is the same for all.

    def plan(self, draft: OrderDraft) -> Plan[C, P, N]:
        """What the order would be; look at `problems` before it is written."""
        self.refuse_unsupported(draft)
        defaults = self.defaults()
        plan: Plan[C, P, N] = Plan(
            external_number=self._external_number(draft),
            order_date=self._order_date(draft),
            from_sums=defaults.from_sums,
        )
        self._choose_parties(plan, draft)
        buyer = plan.buyer.customer if plan.buyer else None
        plan.warehouse = self._warehouse(draft, defaults)
        plan.price_list = self._price_list(draft, buyer, defaults)
        own = buyer.from_net if buyer and buyer.from_net is not None else defaults.from_net
        plan.from_net = counted_from_net(draft.lines, own)
        self.plan_delivery(plan, draft)
        self.plan_payment(plan, draft)
        self._plan_delivery_date(plan, draft, defaults)
        plan.remarks = self.remarks(draft)
        self.plan_more(plan, draft)
        plan.products, plan.lines = self._lines(plan, draft, buyer, defaults).plan(draft.lines)
        self._check_total(plan, draft)
        return plan

    def match(self, draft: CustomerDraft, path: str) -> list[C] | None:
        """The customers that a draft means, by tax id or without one by code; None for a code that can't be."""
        if draft.code and not self._fits_code(f"{path}.code", draft.code):
            return None
        coded = self.cards.by_code(draft.code) if draft.code else []
        if not draft.tax_id:
            return coded
        found = self.cards.by_tax_id(draft.tax_id)
        if not found and coded:
            self.problems.add(f"{path}.code", DUPLICATE, "the code belongs to another customer")
            return None
        return found

    def lacks(self, name: str, value: str) -> str:
        """What is wrong with a field of `OrderDraft` that names something of the ERP, by itself; empty: nothing."""
        draft = OrderDraft(**{name: value})  # type: ignore[arg-type]
        plan: Plan[C, P, N] = Plan(external_number="", order_date=self.today)
        self.refuse_unsupported(draft)
        self._warehouse(draft, Defaults())
        self._price_list(draft, None, Defaults())
        self.plan_payment(plan, draft)
        found = (problem.message for problem in self.problems.found if problem.field == name)
        return next(found, "")

    def _lines(
        self, plan: Plan[C, P, N], draft: OrderDraft, buyer: C | None, defaults: Defaults
    ) -> Lines[C, P]:
        refused = draft.HasField("price_list_id") and not plan.price_list
        terms = Terms(
            from_net=plan.from_net,
            price_list=None if refused else plan.price_list,
            warehouse=plan.warehouse,
            buyer=buyer,
            one_warehouse=self.one_warehouse,
            whole_grosze=defaults.whole_grosze,
            final_prices=defaults.final_prices,
        )
        return Lines(self.cards, self.problems, terms)

    # Header

    def _external_number(self, draft: OrderDraft) -> str:
        number = draft.external_number
        if number != number.strip():
            self.problems.add("external_number", INCONSISTENT, "must not begin or end with a space")
        return self.problems.text("external_number", number, self.cards.column("external_number"))

    def _order_date(self, draft: OrderDraft) -> date:
        given = date.fromisoformat(draft.order_date) if draft.order_date else self.today
        if given.year > _LAST_YEAR:
            self.problems.add("order_date", INCONSISTENT, f"must not be after {_LAST_YEAR}")
            return self.today
        return given

    def _plan_delivery_date(
        self, plan: Plan[C, P, N], draft: OrderDraft, defaults: Defaults
    ) -> None:
        if draft.HasField("delivery_date"):
            plan.delivery_date = date.fromisoformat(draft.delivery_date)
            if plan.delivery_date < plan.order_date:
                self.problems.add("delivery_date", INCONSISTENT, "is before the order date")
        elif defaults.delivery_days is not None:
            plan.delivery_date = plan.order_date + timedelta(days=defaults.delivery_days)

    def _warehouse(self, draft: OrderDraft, defaults: Defaults) -> int:
        if not draft.HasField("warehouse_id"):
            return defaults.warehouse
        found = self.warehouse(draft.warehouse_id)
        if not found:
            self.problems.add("warehouse_id", NOT_FOUND, "there is no such warehouse")
        return found

    def _price_list(self, draft: OrderDraft, buyer: C | None, defaults: Defaults) -> int:
        if not draft.HasField("price_list_id"):
            return (buyer.price_list if buyer else None) or defaults.price_list
        found = self.price_list(draft.price_list_id)
        if not found:
            self.problems.add("price_list_id", NOT_FOUND, "there is no such price list")
        return found

    # Customers

    def _choose_parties(self, plan: Plan[C, P, N], draft: OrderDraft) -> None:
        plan.buyer = self._chosen(draft.buyer, "buyer")
        plan.recipient = plan.buyer
        if draft.HasField("recipient"):
            plan.recipient = self._chosen(draft.recipient, "recipient")
        if draft.HasField("payer"):
            payer = self._chosen(draft.payer, "payer")
            if payer and plan.buyer and payer.customer != plan.buyer.customer:
                self.problems.unsupported(
                    "payer", "the buyer of an order is also its payer: leave it out"
                )
        if plan.buyer and plan.buyer.customer.eu_vat_payer and not draft.transaction_kind:
            self.problems.warn(
                "transaction_kind", "the buyer is a VAT payer of the EU; the order is domestic"
            )

    def _chosen(self, choice: CustomerChoice, path: str) -> Chosen[C, N] | None:
        kind = choice.WhichOneof("customer") or "id"
        if kind == "draft":
            return self._found_or_new(choice.draft, f"{path}.draft")
        wanted: str = getattr(choice, kind)
        path = f"{path}.{kind}"
        if kind == "code" and not self._fits_code(path, wanted):
            return None
        look = {
            "id": self.cards.by_id,
            "code": self.cards.by_code,
            "tax_id": self.cards.by_tax_id,
        }
        found = look[kind](wanted)
        if not found:
            self.problems.add(path, NOT_FOUND, "there is no such customer in the card index")
        return self._only(found, path)

    def _fits_code(self, path: str, code: str) -> bool:
        return self.problems.fits(path, code, self.cards.column("buyer.code"))

    def _only(self, found: list[C], path: str) -> Chosen[C, N] | None:
        if len(found) > 1:
            self.problems.add(
                path, AMBIGUOUS, f"{len(found)} customers have it: name one by its id"
            )
        if len(found) != 1:
            return None
        self.check_customer(found[0], path)
        return Chosen(found[0])

    def _found_or_new(self, draft: CustomerDraft, path: str) -> Chosen[C, N] | None:
        found = self.match(draft, path)
        if found is None:
            return None
        return self._only(found, path) if found else self.new_customer(draft, path)

    # Totals

    def _check_total(self, plan: Plan[C, P, N], draft: OrderDraft) -> None:
        if not draft.HasField("expected_total") or not plan.is_priced:
            return
        gross = plan.total().gross
        tolerance = Decimal(draft.tolerance or "0")
        if abs(gross - Decimal(draft.expected_total)) > tolerance:
            self.problems.add(
                "expected_total",
                TOTAL_DIFFERS,
                f"the order comes to {gross:.2f} gross, which differs by more than {tolerance:.2f}",
            )
