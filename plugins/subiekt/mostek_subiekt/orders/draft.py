"""What an order by direct SQL takes from the template and the program's settings; its payment and delivery."""

from __future__ import annotations

from datetime import date, timedelta

from mostek.erp.v1.customer_pb2 import CustomerDraft
from mostek.erp.v1.order_pb2 import DeliveryAddressDraft, OrderDraft
from mostek.plugin.orders.choices import known_id
from mostek.plugin.orders.lookup import integer
from mostek.plugin.orders.plan import Chosen, Plan
from mostek.plugin.orders.planner import Defaults
from mostek.plugin.orders.problems import (
    INCONSISTENT,
    NOT_FOUND,
    UNSUPPORTED,
)
from mostek.wire.failures import Unsupported
from mostek_subiekt.orders.addresses import DELIVERY, Addresses, address_parts
from mostek_subiekt.orders.config import HOW_TO_ALLOW_ORDERS, OrdersConfig
from mostek_subiekt.orders.customers import PRICE_LEVELS, Customer
from mostek_subiekt.orders.new_customer import NewCustomer, plan_customer
from mostek_subiekt.orders.numbering import Numbering
from mostek_subiekt.orders.planner import SubiektPlanner
from mostek_subiekt.orders.products import Product
from mostek_subiekt.orders.rows import Rows
from mostek_subiekt.orders.template import Template

__all__ = ["OrderPlan", "Planner"]

OrderPlan = Plan[Customer, Product, NewCustomer]

_LISTED_DELIVERY = (
    "SELECT adk_Id FROM dbo.kh_AdresyDostawy WHERE adk_IdKhnt = ? AND adk_IdAdresuHist = ?"
)


class Planner(SubiektPlanner[NewCustomer]):
    """Plans one order that is a copy of the template."""

    def __init__(self, rows: Rows, config: OrdersConfig | None, today: date) -> None:
        super().__init__(rows, today)
        self.config = config
        self.template: Template | None = None
        self.numbering: Numbering | None = None

    def plan(self, draft: OrderDraft) -> OrderPlan:
        self._read_template()
        return super().plan(draft)

    # The site

    def _read_template(self) -> None:
        if self.config is None:
            self.problems.add("", UNSUPPORTED, HOW_TO_ALLOW_ORDERS)
            return
        try:
            self.template = Template.read(self.rows, self.config.template)
            self.numbering = Numbering.read(self.rows, self.template)
        except Unsupported as refused:
            self.problems.add("", UNSUPPORTED, refused.message)

    def defaults(self) -> Defaults:
        template = self.template
        from_sums, whole, _, from_net, level = self._parameters
        level = template.level if template else level
        return Defaults(
            warehouse=template.warehouse if template else 0,
            price_list=level if level in PRICE_LEVELS else 0,
            from_net=template.from_net if template else bool(from_net),
            from_sums=not from_sums,
            whole_grosze=bool(whole),
            delivery_days=template.delivery_days if template else None,
        )

    # What is not written

    def refuse_unsupported(self, draft: OrderDraft) -> None:
        super().refuse_unsupported(draft)
        if draft.reserve:
            self.problems.unsupported(
                "reserve",
                "direct SQL can't reserve goods: only the program keeps its reservations right. Leave it out, and"
                " reserve in the program",
            )
        for name in sorted(draft.attributes):
            self.problems.unsupported(
                f"attributes.{name}", "own fields of orders can't be written: leave it out"
            )

    def new_customer(self, draft: CustomerDraft, path: str) -> Chosen[Customer, NewCustomer] | None:
        new = plan_customer(self.rows, self.config, draft, path, self.problems)
        return Chosen(new.customer, new) if new else None

    # Delivery

    def plan_delivery(self, plan: OrderPlan, draft: OrderDraft) -> None:
        takes_default = self._parameters[2]
        recipient = plan.recipient.customer if plan.recipient else None
        match draft.delivery.WhichOneof("delivery"):
            case "address":
                self._plan_address(plan, draft.delivery.address)
            case "id" if recipient:
                plan.delivery = self._delivery(draft.delivery.id, recipient)
            case None:
                plan.takes_delivery_address = bool(
                    takes_default and recipient and recipient.uses_delivery_address
                )

    def _plan_address(self, plan: OrderPlan, given: DeliveryAddressDraft) -> None:
        path = "delivery.address"
        address_parts(self.rows, given.address, f"{path}.address", self.problems)
        for name, column in (("name", "adrh_Nazwa"), ("phone", "adrh_Telefon")):
            kind = self.rows.type_of("adr_Historia", column)
            self.problems.text(f"{path}.{name}", getattr(given, name), kind)
        if given.email:
            self.problems.unsupported(
                f"{path}.email", "Subiekt GT's addresses have no e-mail: say it in the remarks"
            )
        plan.delivery_address = given

    def _delivery(self, wanted: str, recipient: Customer) -> int | None:
        """The id is that of the frozen address: one of the list, or a version of the card's delivery address."""
        number = known_id(wanted) or 0
        listed = self.rows.one(_LISTED_DELIVERY, integer(recipient.id), integer(number))
        own = Addresses(self.rows).of(recipient.id, DELIVERY)
        if listed or (own and number in Addresses(self.rows).versions(own)):
            return number
        self.problems.add("delivery.id", NOT_FOUND, "the recipient has no such delivery address")
        return None

    # Payment

    def plan_payment(self, plan: OrderPlan, draft: OrderDraft) -> None:
        template, buyer = self.template, plan.buyer.customer if plan.buyer else None
        form, days = (template.payment_form, template.payment_days) if template else (None, None)
        if draft.HasField("payment_method_id"):
            form, days = self.payment_method(draft.payment_method_id)
        elif form and buyer and buyer.may_pay_later and buyer.payment_form:
            form, days = buyer.payment_form, self._days_of(buyer.payment_form)
        elif form and buyer and not buyer.may_pay_later:
            self.problems.warn(
                "payment_method_id", "the buyer may not pay later; the order has the template's way"
            )
        if draft.HasField("payment_days"):
            days = draft.payment_days
            if form is None:
                self.problems.add("payment_days", INCONSISTENT, "needs a payment method with days")
        plan.payment_method = form
        plan.due = plan.order_date + timedelta(days=days) if form and days is not None else None

    def refuse_method(self, kind: int, path: str) -> None:
        if kind or (self.template and self.template.pays_at_once):
            self.problems.unsupported(
                path, "only deferred payment can be written, and only if the template has it"
            )

    def _days_of(self, form: int) -> int | None:
        sql = "SELECT fp_Termin FROM dbo.sl_FormaPlatnosci WHERE fp_Id = ?"
        found = self.rows.one(sql, integer(form))
        return int(found[0]) if found else None
