"""`OrderWrites`: ValidateOrder, CreateOrder and CreateCustomer of Subiekt GT by direct SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mostek.erp.v1.customer_pb2 import (
    CreateCustomerRequest,
    CreateCustomerResponse,
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
from mostek.plugin.orders.problems import DUPLICATE, Problems
from mostek.plugin.plugin import Context
from mostek.plugin.sql_plugin import SqlPlugin
from mostek.wire.failures import Conflict, Drift, NotFound, UnknownOutcome, Unsupported, Violation
from mostek_subiekt.orders.config import HOW_TO_ALLOW_ORDERS, OrdersConfig
from mostek_subiekt.orders.customers import Customer, Customers
from mostek_subiekt.orders.draft import Planner
from mostek_subiekt.orders.insertion import insert_order
from mostek_subiekt.orders.new_customer import plan_customer
from mostek_subiekt.orders.plan import Plan
from mostek_subiekt.orders.recorded import deviations, read, written_before
from mostek_subiekt.orders.rows import Rows

__all__ = ["OrderWrites"]

# One name for all connectors of the company: the lock is the database's.
_WRITES = "Subiekt GT"


@dataclass(frozen=True)
class _Written:
    """What a CreateOrder came to."""

    id: int
    number: str
    buyer: CustomerMatch
    existed: bool
    plan: Plan
    problems: Problems


class OrderWrites(SqlPlugin):
    """The writes. Its configuration has `orders: OrdersConfig | None`; None: nothing is ever written."""

    def validate_order(
        self, request: ValidateOrderRequest, context: Context
    ) -> ValidateOrderResponse:
        with self._seeing_drift(), self.database.reading(context, committed=True) as session:
            planner = self._planner(session)
            plan = planner.plan(request.order)
            _tell_of_another(planner, request.order, plan)
        return ValidateOrderResponse(
            problems=[problem.message_of_order() for problem in planner.problems.found],
            warnings=[problem.message_of_order() for problem in planner.problems.warnings],
            order=plan.order(),
        )

    def create_order(self, request: CreateOrderRequest, context: Context) -> CreateOrderResponse:
        if self._orders is None:
            raise Unsupported(HOW_TO_ALLOW_ORDERS)
        with self._seeing_drift(), self.database.exclusive(_WRITES, context):
            with self.database.writing(context) as session:
                written = self._write_order(session, request.order)
            return self._answer(written, context)

    def create_customer(
        self, request: CreateCustomerRequest, context: Context
    ) -> CreateCustomerResponse:
        with (
            self._seeing_drift(),
            self.database.exclusive(_WRITES, context),
            self.database.writing(context) as session,
        ):
            return CreateCustomerResponse(customer=self._write_customer(session, request))

    def now(self) -> datetime:
        """This moment in the site's zone."""
        return datetime.now(self.site.zone)

    # Orders

    def _write_order(self, session: Session, draft: OrderDraft) -> _Written:
        planner = self._planner(session)
        plan = planner.plan(draft)
        before = written_before(planner.rows, draft, plan)
        if before:
            buyer = _match(planner.rows, before.buyer, created=False)
            return _Written(before.id, before.number, buyer, True, plan, planner.problems)
        planner.problems.raise_any("order")
        assert planner.template is not None
        assert planner.numbering is not None
        done = insert_order(planner.rows, plan, planner.template, planner.numbering, self._now())
        buyer = CustomerMatch(
            id=str(done.buyer.id), code=done.buyer.code, created=done.buyer_is_new
        )
        return _Written(done.id, done.number, buyer, False, plan, planner.problems)

    def _answer(self, written: _Written, context: Context) -> CreateOrderResponse:
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

    def _compare(self, written: _Written, context: Context) -> None:
        with self.database.reading(context, committed=True) as session:
            found = read(Rows(session, self.database), written.id)
        if found is None:
            raise UnknownOutcome(
                "The order was written but can't be read: look for its external number."
            )
        for path in deviations(found, written.plan):
            written.problems.warn("", f"the ERP recorded another `{path}` than was written")

    def _fill(self, response: CreateOrderResponse, written: _Written, context: Context) -> None:
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

    # Customers

    def _write_customer(self, session: Session, request: CreateCustomerRequest) -> CustomerMatch:
        planner = self._planner(session)
        found = planner.match(request.customer, "customer")
        planner.problems.raise_any()
        if found and len(found) > 1:
            raise Conflict(
                f"{len(found)} customers have this tax id or code: merge them in the program, or name one by its id.",
                violations=[
                    Violation(
                        f"customer.{'tax_id' if request.customer.tax_id else 'code'}",
                        "several customers have it",
                    )
                ],
            )
        if found:
            return _match_of(found[0], created=False)
        new = plan_customer(
            planner.rows, self._orders, request.customer, "customer", planner.problems
        )
        planner.problems.raise_any()
        assert new is not None
        return _match_of(new.create(planner.rows, self._now()), created=True)

    # Both

    @property
    def _orders(self) -> OrdersConfig | None:
        found: OrdersConfig | None = self.config.orders
        return found

    def _planner(self, session: Session) -> Planner:
        return Planner(Rows(session, self.database), self._orders, self._now().date())

    def _now(self) -> datetime:
        """The time at the site, as the ERP's columns have it: whole seconds, without a zone."""
        return self.now().replace(tzinfo=None, microsecond=0)

    @contextmanager
    def _seeing_drift(self) -> Iterator[None]:
        try:
            yield
        except Drift:
            # The ERP may have been updated since its columns were read: the next call sees it as it is now.
            self.open()
            raise


def _tell_of_another(planner: Planner, draft: OrderDraft, plan: Plan) -> None:
    """Whether the external number is taken, by this order or by another one."""
    problems = planner.problems
    try:
        before = written_before(planner.rows, draft, plan)
    except Conflict as conflict:
        problems.add("external_number", DUPLICATE, conflict.message)
        return
    if before and planner.config:
        # What would keep it from being written now does not matter any more.
        problems.found.clear()
        problems.warn("external_number", f"it is there already as {before.number}", DUPLICATE)


def _match(rows: Rows, customer: int | None, *, created: bool) -> CustomerMatch:
    found = Customers(rows).by_id(str(customer)) if customer else []
    return _match_of(found[0], created=created) if found else CustomerMatch(created=created)


def _match_of(customer: Customer, *, created: bool) -> CustomerMatch:
    return CustomerMatch(id=str(customer.id), code=customer.code, created=created)
