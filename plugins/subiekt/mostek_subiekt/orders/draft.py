"""From a draft to a plan: everything that it names is looked up, everything that is wrong with it is told at once.

Paths of problems begin at the draft: `lines[2].product.code`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from mostek.erp.v1.common_pb2 import TransactionKind
from mostek.erp.v1.customer_pb2 import CustomerDraft
from mostek.erp.v1.order_pb2 import CustomerChoice, DeliveryAddressDraft, OrderDraft
from mostek.plugin.orders.problems import (
    AMBIGUOUS,
    DUPLICATE,
    INACTIVE,
    INCONSISTENT,
    NOT_FOUND,
    OTHER,
    TOO_LONG,
    TOTAL_DIFFERS,
    UNSUPPORTED,
    Problems,
)
from mostek.wire.failures import Unsupported
from mostek_subiekt.orders.addresses import DELIVERY, Addresses, address_parts
from mostek_subiekt.orders.config import HOW_TO_ALLOW_ORDERS, OrdersConfig
from mostek_subiekt.orders.customers import Customer, Customers, known_id
from mostek_subiekt.orders.lines import Lines, counted_from_net
from mostek_subiekt.orders.new_customer import plan_customer
from mostek_subiekt.orders.numbering import Numbering
from mostek_subiekt.orders.plan import Chosen, Plan
from mostek_subiekt.orders.rows import Rows, integer
from mostek_subiekt.orders.template import ORDER, Template

__all__ = ["Planner"]

_LEVELS = range(1, 11)
_LAST_YEAR = 9998
_PARAMETERS = (
    "SELECT dkp_SpLiczVAT, dkp_CenyPrecyzjaZwykla, dkp_UzyjAdresuDostawy, dkp_CenyTyp, dkp_CenyPoziom"
    " FROM dbo.dok_Parametr WHERE dkp_Typ = ? AND dkp_Podtyp = 0 AND dkp_DefiniowalnyId = 0"
)
_LISTED_DELIVERY = (
    "SELECT adk_Id FROM dbo.kh_AdresyDostawy WHERE adk_IdKhnt = ? AND adk_IdAdresuHist = ?"
)
_SERIES = "ZK"


@dataclass
class Planner:
    """Plans one order. `today` is the day at the site."""

    rows: Rows
    config: OrdersConfig | None
    today: date
    problems: Problems = field(default_factory=Problems)
    template: Template | None = None
    numbering: Numbering | None = None

    def plan(self, draft: OrderDraft) -> Plan:
        """What the order would be; look at `problems` before it is written."""
        self._read_template()
        self._refuse_unsupported(draft)
        parameters = self._parameters()
        plan = Plan(
            external_number=self._external_number(draft),
            order_date=self._order_date(draft),
            from_sums=not parameters[0],
        )
        self._choose_parties(plan, draft)
        buyer = plan.buyer.customer if plan.buyer else None
        plan.warehouse = self._warehouse(draft)
        plan.level = self._level(draft, buyer, parameters)
        plan.from_net = counted_from_net(draft.lines, self._from_net(buyer, parameters))
        self._plan_delivery(plan, draft, takes_default=bool(parameters[2]))
        self._plan_payment(plan, draft, buyer)
        self._plan_delivery_date(plan, draft)
        plan.remarks = self._remarks(draft)
        lines = Lines(
            rows=self.rows,
            problems=self.problems,
            from_net=plan.from_net,
            level=None if draft.HasField("price_list_id") and not plan.level else plan.level,
            warehouse=plan.warehouse,
            buyer=buyer,
            whole_grosze=bool(parameters[1]),
        )
        plan.products, plan.lines = lines.plan(draft.lines)
        self._check_total(plan, draft)
        return plan

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

    def _parameters(self) -> Sequence[Any]:
        return self.rows.one(_PARAMETERS, integer(ORDER)) or (0, 0, 0, 1, 1)

    # What is not written

    def _refuse_unsupported(self, draft: OrderDraft) -> None:
        refuse = self.problems.unsupported
        if draft.reserve:
            refuse(
                "reserve",
                "direct SQL can't reserve goods: only the program keeps its reservations right. Leave it out, and"
                " reserve in the program",
            )
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
        for name in sorted(draft.attributes):
            refuse(f"attributes.{name}", "own fields of orders can't be written: leave it out")

    # Header

    def _external_number(self, draft: OrderDraft) -> str:
        number = draft.external_number
        if number != number.strip():
            self.problems.add("external_number", INCONSISTENT, "must not begin or end with a space")
        return self.problems.text(
            "external_number", number, self.rows.type_of("dok__Dokument", "dok_NrPelnyOryg")
        )

    def _order_date(self, draft: OrderDraft) -> date:
        given = date.fromisoformat(draft.order_date) if draft.order_date else self.today
        if given.year > _LAST_YEAR:
            self.problems.add("order_date", INCONSISTENT, f"must not be after {_LAST_YEAR}")
            return self.today
        return given

    def _warehouse(self, draft: OrderDraft) -> int:
        if not draft.HasField("warehouse_id"):
            return self.template.warehouse if self.template else 0
        number = known_id(draft.warehouse_id)
        sql = "SELECT mag_Id FROM dbo.sl_Magazyn WHERE mag_Id = ?"
        if not number or self.rows.one(sql, integer(number)) is None:
            self.problems.add("warehouse_id", NOT_FOUND, "there is no such warehouse")
            return 0
        return number

    def _level(self, draft: OrderDraft, buyer: Customer | None, parameters: Sequence[Any]) -> int:
        if not draft.HasField("price_list_id"):
            own = self.template.level if self.template else parameters[4]
            level = (buyer.level if buyer and buyer.level in _LEVELS else own) or 0
            return int(level) if level in _LEVELS else 0
        number = known_id(draft.price_list_id) or 0
        if number not in _LEVELS:
            self.problems.add("price_list_id", NOT_FOUND, "price lists are numbered 1 to 10")
            return 0
        return number

    def _from_net(self, buyer: Customer | None, parameters: Sequence[Any]) -> bool:
        if buyer and buyer.price_type is not None and buyer.price_type >= 0:
            return bool(buyer.price_type)
        return self.template.from_net if self.template else bool(parameters[3])

    def _remarks(self, draft: OrderDraft) -> tuple[str, str]:
        """The two columns of remarks: a text too long for the first goes on after a line break in the second."""
        first, more = draft.remarks, ""
        kinds = [self.rows.type_of("dok__Dokument", n) for n in ("dok_Uwagi", "dok_UwagiExt")]
        size = kinds[0].size or 0
        if len(first) > size:
            end = first.rfind("\n", 0, size + 1)
            if end < 0:
                limit = f"more than {size} characters need a line break among the first {size + 1}"
                self.problems.add("remarks", TOO_LONG, limit)
                return "", ""
            first, more = first[:end], first[end + 1 :]
        return (
            self.problems.text("remarks", first, kinds[0]),
            self.problems.text("remarks", more, kinds[1]),
        )

    # Customers

    def _choose_parties(self, plan: Plan, draft: OrderDraft) -> None:
        plan.buyer = self._chosen(draft.buyer, "buyer")
        plan.recipient = plan.buyer
        if draft.HasField("recipient"):
            plan.recipient = self._chosen(draft.recipient, "recipient")
        if draft.HasField("payer"):
            payer = self._chosen(draft.payer, "payer")
            if payer and plan.buyer and payer.customer != plan.buyer.customer:
                self.problems.unsupported(
                    "payer", "the buyer of a Subiekt GT order is also its payer: leave it out"
                )
        if plan.buyer and plan.buyer.customer.eu_vat_payer and not draft.transaction_kind:
            self.problems.warn(
                "transaction_kind", "the buyer is a VAT payer of the EU; the order is domestic"
            )

    def _chosen(self, choice: CustomerChoice, path: str) -> Chosen | None:
        kind = choice.WhichOneof("customer") or "id"
        if kind == "draft":
            return self._found_or_new(choice.draft, f"{path}.draft")
        wanted: str = getattr(choice, kind)
        customers = Customers(self.rows)
        path = f"{path}.{kind}"
        if kind == "code" and not self._fits(path, wanted):
            return None
        look = {"id": customers.by_id, "code": customers.by_code, "tax_id": customers.by_tax_id}
        found = look[kind](wanted)
        if not found:
            self.problems.add(path, NOT_FOUND, "there is no such customer in the card index")
        return self._only(found, path)

    def _fits(self, path: str, code: str) -> bool:
        before = len(self.problems.found)
        self.problems.text(path, code, self.rows.type_of("kh__Kontrahent", "kh_Symbol"))
        return len(self.problems.found) == before

    def _only(self, found: list[Customer], path: str) -> Chosen | None:
        if len(found) > 1:
            self.problems.add(
                path, AMBIGUOUS, f"{len(found)} customers have it: name one by its id"
            )
        if len(found) != 1:
            return None
        if found[0].blocked:
            self.problems.add(path, INACTIVE, "the customer is blocked (zablokowany)")
        if not found[0].address:
            self.problems.add(path, OTHER, "the customer has no address: fill it in in the program")
        return Chosen(found[0])

    def _found_or_new(self, draft: CustomerDraft, path: str) -> Chosen | None:
        found = self.match(draft, path)
        if found is None:
            return None
        if found:
            return self._only(found, path)
        new = plan_customer(self.rows, self.config, draft, path, self.problems)
        return Chosen(new.customer, new) if new else None

    def match(self, draft: CustomerDraft, path: str) -> list[Customer] | None:
        """The customers that a draft means, by tax id or without one by code; None for a code that can't be."""
        customers = Customers(self.rows)
        if draft.code and not self._fits(f"{path}.code", draft.code):
            return None
        coded = customers.by_code(draft.code) if draft.code else []
        if not draft.tax_id:
            return coded
        found = customers.by_tax_id(draft.tax_id)
        if not found and coded:
            self.problems.add(f"{path}.code", DUPLICATE, "the code belongs to another customer")
            return None
        return found

    # Delivery

    def _plan_delivery(self, plan: Plan, draft: OrderDraft, *, takes_default: bool) -> None:
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

    def _plan_address(self, plan: Plan, given: DeliveryAddressDraft) -> None:
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

    def _plan_delivery_date(self, plan: Plan, draft: OrderDraft) -> None:
        if draft.HasField("delivery_date"):
            plan.delivery_date = date.fromisoformat(draft.delivery_date)
            if plan.delivery_date < plan.order_date:
                self.problems.add("delivery_date", INCONSISTENT, "is before the order date")
        elif self.template and self.template.delivery_days is not None:
            plan.delivery_date = plan.order_date + timedelta(days=self.template.delivery_days)

    # Payment

    def _plan_payment(self, plan: Plan, draft: OrderDraft, buyer: Customer | None) -> None:
        template = self.template
        form, days = (template.payment_form, template.payment_days) if template else (None, None)
        if draft.HasField("payment_method_id"):
            form, days = self._method(draft.payment_method_id)
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
        plan.payment_form = form
        plan.due = plan.order_date + timedelta(days=days) if form and days is not None else None

    def _method(self, wanted: str) -> tuple[int | None, int | None]:
        path, number = "payment_method_id", known_id(wanted)
        sql = "SELECT fp_Typ, fp_Aktywna, fp_Termin FROM dbo.sl_FormaPlatnosci WHERE fp_Id = ?"
        found = self.rows.one(sql, integer(number or 0))
        if found is None:
            self.problems.add(path, NOT_FOUND, "there is no such payment method")
            return None, None
        if not found[1]:
            self.problems.add(path, INACTIVE, "the payment method is withdrawn")
        if found[0] or (self.template and self.template.pays_at_once):
            self.problems.unsupported(
                path, "only deferred payment can be written, and only if the template has it"
            )
        return number, int(found[2])

    def _days_of(self, form: int) -> int | None:
        sql = "SELECT fp_Termin FROM dbo.sl_FormaPlatnosci WHERE fp_Id = ?"
        found = self.rows.one(sql, integer(form))
        return int(found[0]) if found else None

    # Totals

    def _check_total(self, plan: Plan, draft: OrderDraft) -> None:
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
