"""The writes of Optima by direct SQL."""

from __future__ import annotations

from mostek.erp.v1.customer_pb2 import CustomerDraft, CustomerMatch
from mostek.erp.v1.order_pb2 import OrderDraft
from mostek.plugin.database import Session
from mostek.plugin.orders.lookup import Lookup
from mostek.plugin.orders.recorded import RecordedOrder
from mostek.plugin.orders.writes import OrderWriter, Written, match_of
from mostek.plugin.plugin import Context
from mostek.plugin.sql_plugin import SqlPlugin
from mostek.wire.failures import Internal, Unsupported
from mostek_optima.direct.insertion import insert_order
from mostek_optima.direct.planner import DirectPlanner
from mostek_optima.orders.cards import OptimaCards
from mostek_optima.orders.config import (
    HOW_TO_ALLOW_CUSTOMERS,
    HOW_TO_ALLOW_ORDERS,
    DirectConfig,
)
from mostek_optima.orders.recorded import by_external_number, by_id

__all__ = ["DirectWriter"]


class DirectWriter(OrderWriter):
    """Copies the order that the configuration names; None: nothing is ever written."""

    def __init__(self, plugin: SqlPlugin, config: DirectConfig | None, one_off: str) -> None:
        super().__init__(plugin)
        self._config = config
        self._one_off = one_off
        self.refusal = "" if config else HOW_TO_ALLOW_ORDERS

    def planner(self, session: Session) -> DirectPlanner:
        lookup = Lookup(session, self.database, "CDN")
        cards = OptimaCards(lookup, self._one_off, counts=False)
        return DirectPlanner(cards, self._config, self.local_now().date())

    def recorded(
        self, session: Session, *, number: str = "", order_id: int = 0
    ) -> list[RecordedOrder]:
        lookup = Lookup(session, self.database, "CDN")
        return by_external_number(lookup, number) if number else by_id(lookup, order_id)

    def save_order(self, draft: OrderDraft, context: Context) -> Written:
        """Looked for and written in one transaction."""
        with self.database.writing(context) as session:
            planner = self.planner(session)
            plan = planner.plan(draft)
            if before := self.written_before(session, draft, plan):
                return self.found_before(before, planner, plan)
            planner.problems.raise_any("order")
            if planner.template is None or planner.numbering is None or plan.buyer is None:
                raise Internal("An order with problems was to be written.")
            now = self.local_now()
            done = insert_order(planner.rows, plan, planner.template, planner.numbering, now)
        buyer = match_of(plan.buyer.customer, created=False)
        return Written(done.id, done.number, buyer, False, plan, planner.problems)

    def save_customer(self, draft: CustomerDraft, context: Context) -> CustomerMatch:
        """Finds one; none is created."""
        with self.database.reading(context, committed=True) as session:
            if found := self.matched(self.planner(session), draft):
                return match_of(found, created=False)
        raise Unsupported(HOW_TO_ALLOW_CUSTOMERS)
