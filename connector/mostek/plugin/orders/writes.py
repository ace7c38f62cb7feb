"""`ValidateOrder`, `CreateOrder` and `CreateCustomer` of a SQL plugin: what is the same however the ERP is written to.

OrderWrites          looks, plans, answers
└── ProgramWrites    has the ERP's own objects save (`mostek.plugin.worker`)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from mostek.erp.v1.customer_pb2 import (
    CreateCustomerRequest,
    CreateCustomerResponse,
    CustomerDraft,
    CustomerMatch,
)
from mostek.erp.v1.order_pb2 import (
    CreateOrderRequest,
    CreateOrderResponse,
    GetOrderRequest,
    OrderDraft,
    OrderState,
    ValidateOrderRequest,
    ValidateOrderResponse,
)
from mostek.plugin.database import Session
from mostek.plugin.orders.cards import CustomerCard, folded
from mostek.plugin.orders.plan import Chosen, Plan
from mostek.plugin.orders.planner import OrderPlanner
from mostek.plugin.orders.problems import DUPLICATE, Problems
from mostek.plugin.orders.recorded import RecordedOrder, same_order
from mostek.plugin.orders.site import OrderRules
from mostek.plugin.plugin import Context
from mostek.plugin.sql_plugin import SqlPlugin
from mostek.plugin.worker.settle import Saving
from mostek.plugin.worker.worker import Worker
from mostek.wire.failures import (
    Conflict,
    Drift,
    Internal,
    NotFound,
    UnknownOutcome,
    Unsupported,
    Violation,
)

__all__ = ["OrderWriter", "OrderWrites", "ProgramWriter", "Written", "match_of"]

_Planner = OrderPlanner[Any, Any, Any]
_Plan = Plan[Any, Any, Any]


@dataclass(frozen=True)
class Written:
    """What a CreateOrder came to. `existed`: an earlier call wrote it."""

    id: int
    number: str
    buyer: CustomerMatch
    existed: bool
    plan: _Plan
    problems: Problems


def match_of(customer: CustomerCard, *, created: bool) -> CustomerMatch:
    """How the contract tells which customer it is."""
    return CustomerMatch(id=str(customer.id), code=customer.code, created=created)


class OrderWriter(ABC):
    """One way of writing orders and customers; the lock is held while it saves."""

    #: Why orders are not written, and what to configure; empty: they are.
    refusal = ""

    def __init__(self, plugin: SqlPlugin) -> None:
        self.plugin = plugin
        self.database = plugin.database

    @abstractmethod
    def planner(self, session: Session) -> _Planner:
        """A planner whose look-ups are made on the session."""

    @abstractmethod
    def recorded(
        self, session: Session, *, number: str = "", order_id: int = 0
    ) -> list[RecordedOrder]:
        """The orders with that external number, or the one with that id."""

    @abstractmethod
    def save_order(self, draft: OrderDraft, context: Context) -> Written:
        """Look for the order and, if it is not there, write it."""

    @abstractmethod
    def save_customer(self, draft: CustomerDraft, context: Context) -> CustomerMatch:
        """Look for the customer and, if it is not there, write it."""

    def close(self) -> None:  # noqa: B027 - most hold nothing
        """Give back what it holds."""

    def local_now(self) -> datetime:
        """The time at the site, as ERPs' columns have it: whole seconds, without a zone."""
        return self.plugin.now().replace(tzinfo=None, microsecond=0)

    def written_before(
        self, session: Session, draft: OrderDraft, plan: _Plan
    ) -> RecordedOrder | None:
        """The order that an earlier call wrote for this draft. Raises Conflict if the number is another order's."""
        if not plan.external_number:
            return None
        found = self.recorded(session, number=plan.external_number)
        return same_order(found, plan.wanted(draft))

    def found_before(self, before: RecordedOrder, planner: _Planner, plan: _Plan) -> Written:
        """What is answered about an order that was there."""
        buyer = planner.cards.by_id(str(before.buyer)) if before.buyer else []
        match = match_of(buyer[0], created=False) if buyer else CustomerMatch(created=False)
        return Written(before.id, before.number, match, True, plan, planner.problems)

    def matched(self, planner: _Planner, draft: CustomerDraft) -> CustomerCard | None:
        """The customer that a draft means, if it is there. Raises Conflict if several are, Invalid and the like."""
        found: list[CustomerCard] = planner.match(draft, "customer") or []
        planner.problems.raise_any()
        if len(found) > 1:
            raise Conflict(
                f"{len(found)} customers have this tax id or code: merge them in the program, or name one by its id.",
                violations=[
                    Violation(
                        f"customer.{'tax_id' if draft.tax_id else 'code'}",
                        "several customers have it",
                    )
                ],
            )
        return found[0] if found else None


class OrderWrites(SqlPlugin):
    """The writes of a plugin that plans with `OrderPlanner`."""

    #: Names the lock that is held in the ERP's database during a write: one for all connectors of the company.
    lock: ClassVar[str]
    writer: OrderWriter

    def operations(self) -> list[str]:
        """What is served with this configuration."""
        orders = self.config.orders
        refused = set() if orders else {"CreateOrder"}
        if not getattr(orders, "customers", False):
            refused.add("CreateCustomer")
        return [operation for operation in self.serves if operation not in refused]

    # Operations

    def validate_order(
        self, request: ValidateOrderRequest, context: Context
    ) -> ValidateOrderResponse:
        order = self._rules().order(request.order)
        with self._seeing_drift(), self.database.reading(context, committed=True) as session:
            planner = self.writer.planner(session)
            plan = planner.plan(order)
            self._tell_of_another(session, planner, order, plan)
        return ValidateOrderResponse(
            problems=[problem.message_of_order() for problem in planner.problems.found],
            warnings=[problem.message_of_order() for problem in planner.problems.warnings],
            order=plan.order(),
        )

    def create_order(self, request: CreateOrderRequest, context: Context) -> CreateOrderResponse:
        if self.writer.refusal:
            raise Unsupported(self.writer.refusal)
        order = self._rules().order(request.order)
        with self._seeing_drift(), self.database.exclusive(self.lock, context):
            return self._answer(self.writer.save_order(order, context), context)

    def create_customer(
        self, request: CreateCustomerRequest, context: Context
    ) -> CreateCustomerResponse:
        customer = self._rules().customer(request.customer)
        with self._seeing_drift(), self.database.exclusive(self.lock, context):
            return CreateCustomerResponse(customer=self.writer.save_customer(customer, context))

    def close(self) -> None:
        self.writer.close()
        super().close()

    # The site

    def refusals(self) -> list[str]:
        """What the site's `mapping` and `order_defaults` name and the ERP does not have."""
        named = list(self._rules().named())
        if not named:
            return []
        context = Context(operation="refusals", timeout=self.database.config.statement_timeout)
        with self.database.reading(context, committed=True) as session:
            found = ((where, value, self._lacks(session, f, value)) for where, f, value in named)
            return [f"`{where}` = {value}: {reason}" for where, value, reason in found if reason]

    def _lacks(self, session: Session, field: str, value: str) -> str:
        """Why a draft may not have that value in the field; empty: it may."""
        planner = self.writer.planner(session)
        if field == "lines.vat_code":
            codes = {folded(rate.code) for rate in planner.cards.vat_rates()}
            return "" if folded(value) in codes else "there is no such VAT rate"
        return planner.lacks(field, value)

    def _rules(self) -> OrderRules:
        """What the site says of orders; nothing where the plugin's configuration has no place for it."""
        return self.config if isinstance(self.config, OrderRules) else OrderRules()

    # The answer

    def _answer(self, written: Written, context: Context) -> CreateOrderResponse:
        """The order as recorded, read after the commit, on another session."""
        response = CreateOrderResponse(
            id=str(written.id),
            number=written.number,
            customer=written.buyer,
            already_existed=written.existed,
        )
        if not written.existed:
            self._compare(written, context)
            problems = written.problems.warnings
            response.warnings.extend(problem.message_of_order() for problem in problems)
        self._fill(response, written, context)
        return response

    def _compare(self, written: Written, context: Context) -> None:
        with self.database.reading(context, committed=True) as session:
            found = self.writer.recorded(session, order_id=written.id)
        if not found:
            raise UnknownOutcome(
                "The order was written but can't be read: look for its external number."
            )
        for path in written.plan.deviations(found[0]):
            written.problems.warn("", f"the ERP recorded another `{path}` than was written")

    def _fill(self, response: CreateOrderResponse, written: Written, context: Context) -> None:
        get_order: Callable[[GetOrderRequest, Context], Any] | None = getattr(
            self, "get_order", None
        )
        try:
            if get_order is not None:
                found = get_order(GetOrderRequest(id=response.id), context)
                response.order.CopyFrom(found.order)
                response.unavailable_fields.extend(found.unavailable_fields)
                return
        except NotFound:
            # The site hides from reads what it lets be written.
            pass
        if not written.existed:
            response.order.CopyFrom(written.plan.order())
            response.order.id, response.order.number = response.id, response.number
            response.order.state = OrderState.ORDER_STATE_OPEN

    def _tell_of_another(
        self, session: Session, planner: _Planner, draft: OrderDraft, plan: _Plan
    ) -> None:
        """Whether the external number is taken, by this order or by another one."""
        problems = planner.problems
        try:
            before = self.writer.written_before(session, draft, plan)
        except Conflict as conflict:
            problems.add("external_number", DUPLICATE, conflict.message)
            return
        if before and not self.writer.refusal:
            # What would keep it from being written now does not matter any more.
            problems.found.clear()
            there = "the order is there already, and nothing would be written"
            problems.warn("external_number", there, DUPLICATE)

    @contextmanager
    def _seeing_drift(self) -> Iterator[None]:
        try:
            yield
        except Drift:
            # The ERP may have been updated since its columns were read: the next call sees it as it is now.
            self.open()
            raise


class ProgramWriter(OrderWriter):
    """Writes by the ERP's own objects, which live in `worker`: its office has `add_order` and `add_customer`.

    What these are given is made by `order_call` and `customer_call`. A new buyer is saved before the order; it stays
    when the order is refused.
    """

    def __init__(self, plugin: SqlPlugin, worker: Worker) -> None:
        super().__init__(plugin)
        self.worker = worker

    def close(self) -> None:
        self.worker.close()

    @abstractmethod
    def order_call(
        self, plan: _Plan, draft: OrderDraft, buyer: CustomerCard, recipient: CustomerCard
    ) -> Mapping[str, Any]:
        """The arguments of the office's `add_order`."""

    @abstractmethod
    def customer_call(self, new: Any) -> Mapping[str, Any]:
        """The arguments of the office's `add_customer`."""

    def save_order(self, draft: OrderDraft, context: Context) -> Written:
        with self.database.reading(context, committed=True) as session:
            planner = self.planner(session)
            plan = planner.plan(draft)
            if before := self.written_before(session, draft, plan):
                return self.found_before(before, planner, plan)
        planner.problems.raise_any("order")
        if plan.buyer is None or plan.recipient is None:
            raise Internal("An order with problems was to be written.")
        buyer = self._saved(plan.buyer, draft.buyer.draft, context)
        recipient = buyer
        if plan.recipient != plan.buyer:
            recipient = self._saved(plan.recipient, draft.recipient.draft, context)
        found = Saving(self.worker, self.database, lambda: self._look(plan, context)).once(
            context, "add_order", **self.order_call(plan, draft, buyer, recipient)
        )
        match = match_of(buyer, created=plan.buyer.new is not None)
        return Written(found.id, found.number, match, False, plan, planner.problems)

    def save_customer(self, draft: CustomerDraft, context: Context) -> CustomerMatch:
        with self.database.reading(context, committed=True) as session:
            planner = self.planner(session)
            if found := self.matched(planner, draft):
                return match_of(found, created=False)
            chosen = planner.new_customer(draft, "customer")
        planner.problems.raise_any()
        if chosen is None:
            raise Internal("A customer with problems was to be written.")
        return match_of(self._saved(chosen, draft, context), created=True)

    def _look(self, plan: _Plan, context: Context) -> RecordedOrder | None:
        """The order as the program has it; the plan's content is compared when it is answered."""
        with self.database.reading(context, committed=True) as session:
            found = self.recorded(session, number=plan.external_number)
        exact = [order for order in found if order.external_number == plan.external_number]
        return exact[0] if exact else None

    def _saved(
        self, chosen: Chosen[Any, Any], draft: CustomerDraft, context: Context
    ) -> CustomerCard:
        """The customer, created if it is new."""
        if chosen.new is None:
            known: CustomerCard = chosen.customer
            return known

        def look() -> CustomerCard | None:
            with self.database.reading(context, committed=True) as session:
                return self.new_customer_found(self.planner(session), chosen, draft)

        saving = Saving(self.worker, self.database, look)
        return saving.once(context, "add_customer", **self.customer_call(chosen.new))

    def new_customer_found(
        self, planner: _Planner, chosen: Chosen[Any, Any], draft: CustomerDraft
    ) -> CustomerCard | None:
        """The customer that was created: by its tax id, or without one by the code that the plan gave it.

        A card with that code and another tax id, or none, is somebody else's, who took it meanwhile.
        """
        cards, code = planner.cards, chosen.customer.code
        coded = cards.by_code(code) if code and not draft.tax_id else []
        found = cards.by_tax_id(draft.tax_id) if draft.tax_id else coded
        return found[0] if found else None
