"""The writes of WAPRO Mag: the procedures in one transaction, checked before and after its commit."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any, NoReturn

from mostek.erp.v1.customer_pb2 import CustomerDraft, CustomerMatch
from mostek.erp.v1.order_pb2 import OrderDraft
from mostek.plugin.database import Session
from mostek.plugin.orders.amounts import final_price
from mostek.plugin.orders.lookup import Lookup
from mostek.plugin.orders.plan import Plan
from mostek.plugin.orders.recorded import RecordedOrder
from mostek.plugin.orders.writes import OrderWriter, Written, match_of
from mostek.plugin.plugin import Context
from mostek.plugin.sql_plugin import SqlPlugin
from mostek.wire.failures import (
    CommandFailure,
    Conflict,
    ErpUnavailable,
    Internal,
    Locked,
    Rejected,
    UnknownOutcome,
    Violation,
)
from mostek_wapro.orders.config import HOW_TO_ALLOW_ORDERS, OrdersConfig
from mostek_wapro.orders.customers import Customer
from mostek_wapro.orders.draft import OrderPlan, Planner
from mostek_wapro.orders.placing import Placing, faults
from mostek_wapro.orders.procedures import UNLOCK, Procedures
from mostek_wapro.orders.recorded import OrderFound, by_external_number, by_id

__all__ = ["WaproWriter"]

_NOTHING_SAVED = (
    "The program's procedures say that they have saved, but nothing is there: look at the definition of the"
    " documents in the program."
)


class _TakenBack(Exception):
    """A failure in a transaction that was still whole: its roll-back leaves nothing."""

    def __init__(self, failure: CommandFailure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class WaproWriter(OrderWriter):
    """Calls the procedures as the configured user; None: nothing is ever written."""

    def __init__(
        self, plugin: SqlPlugin, orders: OrdersConfig | None, company: Callable[[Context], int]
    ) -> None:
        super().__init__(plugin)
        self._orders = orders
        self._find_company = company
        self._company = 0
        self._procedures: Procedures | None = None
        self.refusal = "" if orders else HOW_TO_ALLOW_ORDERS

    def prepare(self, context: Context) -> None:
        """Learn what a check of an order needs: the procedures are seen with the login that calls them."""
        self._company = self._find_company(context)
        if self._orders and self._procedures is None:
            own = Context(operation="procedures", timeout=self.database.config.statement_timeout)
            with self.database.reading(own, committed=True, as_writer=True) as session:
                self._learn(session)

    def forget(self) -> None:
        """The program may have been updated."""
        self._procedures = None

    def planner(self, session: Session) -> Planner:
        today = self.local_now().date()
        return Planner(self._lookup(session), self._company, self._orders, self._known, today)

    def recorded(
        self, session: Session, *, number: str = "", order_id: int = 0
    ) -> list[RecordedOrder]:
        lookup = self._lookup(session)
        if number:
            return [*by_external_number(lookup, self._company, number)]
        return [*by_id(lookup, self._company, order_id)]

    def written_before(
        self, session: Session, draft: OrderDraft, plan: Plan[Any, Any, Any]
    ) -> RecordedOrder | None:
        before = super().written_before(session, _with_final_prices(draft), plan)
        if isinstance(before, OrderFound) and not before.numbered:
            raise Conflict(
                f"An unfinished order (id {before.id}) has this external number: finish or delete it in the"
                " program, then send the order again.",
                violations=[Violation("order.external_number", "an unfinished order has it")],
            )
        return before

    def save_order(self, draft: OrderDraft, context: Context) -> Written:
        """Looked for and written in one transaction, which is not committed unless the order is as it should be."""
        self._company = self._find_company(context)
        placing: Placing | None = None
        buyer: Customer | None = None
        failure: CommandFailure | None = None
        try:
            with self.database.writing(context) as session:
                self._learn(session)
                planner = self.planner(session)
                plan = planner.plan(draft)
                if before := self.written_before(session, draft, plan):
                    return self.found_before(before, planner, plan)
                planner.problems.raise_any("order")
                buyer = self._buyer(planner, plan)
                with session.one_transaction() as unbroken:
                    placing = Placing(self._known, session, unbroken, planner, plan, draft)
                    self._place(placing, buyer)
        except _TakenBack as sure:
            raise sure.failure from sure
        except CommandFailure as error:
            if placing is None or buyer is None:
                raise
            failure = error
        return self._settled(placing, buyer, failure, context)

    def save_customer(self, draft: CustomerDraft, context: Context) -> CustomerMatch:
        self._company = self._find_company(context)
        with self.database.writing(context) as session:
            planner = self.planner(session)
            if found := self.matched(planner, draft):
                return match_of(found, created=False)
            chosen = planner.new_customer(draft, "customer")
            planner.problems.raise_any()
            if chosen is None or chosen.new is None:
                raise Internal("A customer with problems was to be written.")
            made = chosen.new.create(planner.lookup, self._company, planner.today)
            return match_of(made, created=True)

    def _learn(self, session: Session) -> None:
        """Read which procedures the database has, once."""
        if self._orders and self._procedures is None:
            given = {name.lower(): value for name, value in self._orders.parameters.items()}
            self._procedures = Procedures.read(session, given)

    @property
    def _known(self) -> Procedures:
        return self._procedures or Procedures({})

    def _lookup(self, session: Session) -> Lookup:
        return Lookup(session, self.database)

    def _buyer(self, planner: Planner, plan: OrderPlan) -> Customer:
        if plan.buyer is None or not plan.is_priced:
            raise Internal("An order with problems was to be written.")
        if plan.buyer.new is None:
            return plan.buyer.customer
        return plan.buyer.new.create(planner.lookup, self._company, planner.today)

    # Checks

    def _place(self, placing: Placing, buyer: Customer) -> None:
        """Raises _TakenBack for a failure whose roll-back is sure to leave nothing, and other failures as they are."""
        try:
            placing.place(buyer)
            self._check(placing)
        except CommandFailure as failure:
            if placing.unbroken():
                raise _TakenBack(failure) from failure
            raise

    def _check(self, placing: Placing) -> None:
        """Before the commit, when what is wrong can still be taken back. Raises Rejected."""
        lookup = self._lookup(placing.session)
        found = by_id(lookup, self._company, placing.order)
        if not found:
            raise Rejected(_NOTHING_SAVED)
        if wrong := [*faults(found[0], placing.plan), *_unexpected(found[0], placing)]:
            raise Rejected(
                "The program's procedures made another order than was sent, which was taken back:"
                f" {'; '.join(wrong)}."
            )

    def _settled(
        self, placing: Placing, buyer: Customer, failure: CommandFailure | None, context: Context
    ) -> Written:
        """What the ERP has after all, whatever was said: a procedure may have committed, or rolled back, by itself."""
        plan, problems = placing.plan, placing.planner.problems
        found = self._look(placing, buyer, failure)
        if found is None:
            self._nothing(placing, failure)
        if found.open and [*faults(found, plan)] == ["it is still locked"]:
            self._unlock(found.id)
            found = self._look(placing, buyer, failure) or found
        if wrong := [*faults(found, plan)]:
            self._unlock(found.id)
            raise UnknownOutcome(
                f"The program's procedures saved an order (id {found.id}) that is not whole: {'; '.join(wrong)}."
                " Look at it in the program, and delete or finish it there.",
                erp_text=failure.erp_text if failure else "",
            )
        context.written = True
        if failure:
            problems.warn("", "the program reported an error after it had saved the order")
        match = match_of(buyer, created=bool(plan.buyer and plan.buyer.new))
        return Written(found.id, found.number, match, False, plan, problems)

    def _nothing(self, placing: Placing, failure: CommandFailure | None) -> NoReturn:
        if failure is None:
            raise Rejected(_NOTHING_SAVED)
        if isinstance(failure, UnknownOutcome):
            raise failure
        if placing.confirming and isinstance(failure, ErpUnavailable):
            raise UnknownOutcome(
                "The database was lost while the order was being confirmed.",
                erp_text=failure.erp_text,
            ) from failure
        raise failure

    def _look(
        self, placing: Placing, buyer: Customer, failure: CommandFailure | None
    ) -> OrderFound | None:
        """The order, on a session that sees only what is committed. Raises UnknownOutcome if that can't be seen."""
        number = placing.plan.external_number
        context = _context("look")
        try:
            while True:
                with suppress(Locked), self.database.reading(context, committed=True) as session:
                    lookup = self._lookup(session)
                    found = by_id(lookup, self._company, placing.order) if placing.order else []
                    found += by_external_number(lookup, self._company, number) if number else []
                    break
        except CommandFailure as error:
            raise UnknownOutcome(
                "Whether the order was saved can't be seen: look for its external number in the program.",
                erp_text=(failure or error).erp_text,
            ) from error
        user = placing.planner.setup.user
        return next((one for one in found if _is_ours(one, number, user, buyer)), None)

    def _unlock(self, order: int) -> None:
        """Let the program's users open it. Where there is no procedure for that, they can't."""
        if not self._known.has(UNLOCK):
            return
        with suppress(CommandFailure), self.database.writing(_context("unlock")) as session:
            self._known.first(UNLOCK).run(session, id_zamowienia=order)


def _context(operation: str) -> Context:
    """A command of its own: what became of a write has to be known when its own time is over, too."""
    return Context(operation=operation, timeout=30.0)


def _is_ours(found: OrderFound, number: str, user: int, buyer: Customer) -> bool:
    """A rolled-back order's id may be another's by now: one that is not confirmed is told by who has it open."""
    if found.numbered:
        return found.external_number == number
    return found.holder == user and found.buyer == buyer.id


def _unexpected(found: OrderFound, placing: Placing) -> list[str]:
    """Whether it comes to more or less than the caller counted on."""
    draft = placing.draft
    if not draft.HasField("expected_total"):
        return []
    off = abs(found.totals[2] - Decimal(draft.expected_total))
    if off <= Decimal(draft.tolerance or "0"):
        return []
    return [f"it comes to {found.totals[2]:.2f} gross, not to the expected total"]


def _with_final_prices(draft: OrderDraft) -> OrderDraft:
    """As orders are recorded: discounts are in the prices."""
    priced = OrderDraft()
    priced.CopyFrom(draft)
    for line in priced.lines:
        kind = line.price.WhichOneof("price")
        if kind and line.discount:
            price = final_price(Decimal(getattr(line.price, kind)), Decimal(line.discount))
            setattr(line.price, kind, str(price))
        line.ClearField("discount")
    return priced
