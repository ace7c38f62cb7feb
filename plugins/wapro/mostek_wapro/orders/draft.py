"""What of a draft is WAPRO Mag's own: the site's settings, payment, what its orders do not have."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from mostek.erp.v1.common_pb2 import TransactionKind
from mostek.erp.v1.customer_pb2 import CustomerDraft
from mostek.erp.v1.order_pb2 import DocumentWanted, OrderDraft
from mostek.plugin.orders.choices import known_id
from mostek.plugin.orders.lookup import Lookup, text
from mostek.plugin.orders.plan import Chosen, Plan
from mostek.plugin.orders.planner import Defaults, OrderPlanner
from mostek.plugin.orders.problems import INACTIVE, INCONSISTENT, NOT_FOUND, OTHER, UNSUPPORTED
from mostek.plugin.sql_types import Param
from mostek_wapro.conversion import flag
from mostek_wapro.orders.cards import WaproCards
from mostek_wapro.orders.config import OrdersConfig
from mostek_wapro.orders.customers import GREATEST_ID, Customer, Customers, number
from mostek_wapro.orders.delivery import NewPlace, plan_delivery
from mostek_wapro.orders.new_customer import NewCustomer, plan_customer
from mostek_wapro.orders.procedures import Procedures
from mostek_wapro.orders.products import Product, Products
from mostek_wapro.orders.setup import Setup

__all__ = ["OrderPlan", "Planner"]

OrderPlan = Plan[Customer, Product, NewCustomer]

_PRICE_LIST = "SELECT c.ID_CENY FROM dbo.CENA c WHERE c.ID_FIRMY = ? AND c.ID_CENY = ?"
_METHOD = (
    "SELECT f.NAZWA, f.DNI_NALEZNOSCI, f.AKTYWNA FROM dbo.FORMA_PLATNOSCI f"
    " WHERE f.ID_FORMY = ? AND (f.ID_FIRMY = ? OR f.ID_FIRMY IS NULL)"
)
_METHOD_NAMED = (
    "SELECT MIN(f.ID_FORMY) FROM dbo.FORMA_PLATNOSCI f"
    " WHERE f.NAZWA = ? AND (f.ID_FIRMY = ? OR f.ID_FIRMY IS NULL)"
)


class Planner(OrderPlanner[Customer, Product, NewCustomer]):
    """Plans one order for the procedures."""

    one_warehouse = (
        "WAPRO Mag has one warehouse for the whole order: give `warehouse_id` of the order"
    )

    def __init__(
        self,
        lookup: Lookup,
        company: int,
        config: OrdersConfig | None,
        procedures: Procedures,
        today: date,
    ) -> None:
        self.lookup = lookup
        self.config = config
        self.setup = Setup.read(lookup, company, config)
        products = Products(lookup, self.setup.warehouses, today)
        customers = Customers(lookup, company)
        super().__init__(WaproCards(lookup, customers, products, procedures), today)
        self._products = products
        #: Why nothing is written, whatever the draft.
        self.refusals = [*self.setup.problems, *(procedures.problems if config else ())]
        #: Where the goods go, if the draft says it.
        self.delivery: int | NewPlace | None = None
        #: Name of the payment method, as documents keep it, and the days.
        self.payment, self.payment_days = "", 0

    def defaults(self) -> Defaults:
        return Defaults(
            warehouse=self.setup.warehouse,
            price_list=self.setup.price_list,
            final_prices=True,
            delivery_days=self.config.delivery_days if self.config else 0,
        )

    def plan(self, draft: OrderDraft) -> OrderPlan:
        plan = super().plan(draft)
        for place, line in enumerate(plan.lines):
            if line and line.base_quantity != line.quantity:
                self.problems.unsupported(
                    f"lines[{place}].unit",
                    "what WAPRO Mag takes a quantity in another unit for is not known: give the quantity in the"
                    " product's basic unit, and the price of one",
                )
        return plan

    # What is not written

    def refuse_unsupported(self, draft: OrderDraft) -> None:
        for refusal in self.refusals:
            self.problems.add("", UNSUPPORTED, refusal)
        refuse = self.problems.unsupported
        if draft.currency not in {"", "PLN"}:
            refuse("currency", "orders are written in PLN only")
        elif draft.HasField("exchange_rate"):
            self.problems.add(
                "exchange_rate", INCONSISTENT, "PLN has no exchange rate: leave it out"
            )
        if Decimal(draft.discount or "0"):
            refuse("discount", "give the discount at each line instead of the whole order")
        signature = self.config.signature if self.config else "ZO"
        if draft.series not in {"", signature}:
            refuse("series", f"orders have the one series {signature}: leave it out")
        domestic = TransactionKind.TRANSACTION_KIND_DOMESTIC
        if draft.transaction_kind not in {0, domestic}:
            refuse("transaction_kind", "only domestic orders are written")
        if draft.document_wanted not in {
            0,
            DocumentWanted.DOCUMENT_WANTED_INVOICE,
            DocumentWanted.DOCUMENT_WANTED_RECEIPT,
        }:
            refuse("document_wanted", "an order wants an invoice or a receipt")
        for name in sorted(draft.attributes):
            refuse(f"attributes.{name}", "own fields of orders can't be written: leave it out")

    def plan_delivery(self, plan: OrderPlan, draft: OrderDraft) -> None:
        if plan.recipient and plan.buyer and plan.recipient.customer != plan.buyer.customer:
            self.problems.unsupported(
                "recipient", "WAPRO Mag's orders have one customer: leave the recipient out"
            )
        buyer = plan.buyer.customer if plan.buyer else None
        self.delivery = plan_delivery(
            self.lookup, self.config, draft.delivery, buyer, self.problems
        )

    # What the draft names

    def warehouse(self, wanted: str) -> int:
        known = known_id(wanted, GREATEST_ID) or 0
        return known if known in self.setup.warehouses else 0

    def price_list(self, wanted: str) -> int:
        known = known_id(wanted, GREATEST_ID) or 0
        company = number(self.setup.company)
        return known if known and self.lookup.one(_PRICE_LIST, company, number(known)) else 0

    def new_customer(self, draft: CustomerDraft, path: str) -> Chosen[Customer, NewCustomer] | None:
        new = plan_customer(
            self.lookup, self.setup.company, self.config, draft, path, self.problems
        )
        return Chosen(new.customer, new) if new else None

    def plan_more(self, plan: OrderPlan, draft: OrderDraft) -> None:
        self._products.warehouse = plan.warehouse
        if not plan.warehouse and not draft.HasField("warehouse_id") and self.config:
            self.problems.add(
                "warehouse_id",
                OTHER,
                "the company has several warehouses, which DescribeErp shows: name one, or set `warehouse` in"
                " [companies.<name>.orders]",
            )

    # Payment

    def plan_payment(self, plan: OrderPlan, draft: OrderDraft) -> None:
        buyer = plan.buyer.customer if plan.buyer else None
        if draft.HasField("payment_method_id"):
            self._choose_method(plan, draft.payment_method_id)
        elif buyer:
            self.payment, self.payment_days = buyer.payment, buyer.payment_days
            plan.payment_method = self._method_named(buyer.payment) if buyer.payment else None
        if draft.HasField("payment_days"):
            self.payment_days = draft.payment_days
        plan.due = plan.order_date + timedelta(days=self.payment_days)

    def _choose_method(self, plan: OrderPlan, wanted: str) -> None:
        path, known = "payment_method_id", known_id(wanted, GREATEST_ID) or 0
        found = self.lookup.one(_METHOD, number(known), number(self.setup.company))
        if found is None:
            self.problems.add(path, NOT_FOUND, "there is no such payment method")
            return
        if found[2] is not None and not flag(found[2]):
            self.problems.add(path, INACTIVE, "the payment method is withdrawn")
        plan.payment_method = known
        self.payment, self.payment_days = text(found[0]), int(found[1] or 0)

    def _method_named(self, name: str) -> int | None:
        company = number(self.setup.company)
        found = self.lookup.one(_METHOD_NAMED, Param.of(name, "varchar(50)"), company)
        return int(found[0]) if found and found[0] else None
