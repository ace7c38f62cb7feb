"""The writes of Subiekt GT by direct SQL."""

from __future__ import annotations

from mostek.erp.v1.customer_pb2 import CustomerDraft, CustomerMatch
from mostek.erp.v1.order_pb2 import OrderDraft
from mostek.plugin.database import Session
from mostek.plugin.orders.recorded import RecordedOrder
from mostek.plugin.orders.writes import OrderWriter, Written, match_of
from mostek.plugin.plugin import Context
from mostek.plugin.sql_plugin import SqlPlugin
from mostek_subiekt.orders.config import HOW_TO_ALLOW_ORDERS, OrdersConfig
from mostek_subiekt.orders.draft import Planner
from mostek_subiekt.orders.insertion import insert_order
from mostek_subiekt.orders.new_customer import plan_customer
from mostek_subiekt.orders.recorded import by_external_number, by_id
from mostek_subiekt.orders.rows import Rows

__all__ = ["DirectWriter"]


class DirectWriter(OrderWriter):
    """Copies what the configuration names; None: nothing is ever written."""

    def __init__(self, plugin: SqlPlugin, orders: OrdersConfig | None) -> None:
        super().__init__(plugin)
        self._orders = orders
        self.refusal = "" if orders else HOW_TO_ALLOW_ORDERS

    def planner(self, session: Session) -> Planner:
        today = self.local_now().date()
        return Planner(Rows(session, self.database), self._orders, today)

    def recorded(
        self, session: Session, *, number: str = "", order_id: int = 0
    ) -> list[RecordedOrder]:
        rows = Rows(session, self.database)
        return by_external_number(rows, number) if number else by_id(rows, order_id)

    def save_order(self, draft: OrderDraft, context: Context) -> Written:
        """Looked for and written in one transaction."""
        with self.database.writing(context) as session:
            planner = self.planner(session)
            plan = planner.plan(draft)
            if before := self.written_before(session, draft, plan):
                return self.found_before(before, planner, plan)
            planner.problems.raise_any("order")
            assert planner.template is not None
            assert planner.numbering is not None
            now = self.local_now()
            done = insert_order(planner.rows, plan, planner.template, planner.numbering, now)
        buyer = match_of(done.buyer, created=done.buyer_is_new)
        return Written(done.id, done.number, buyer, False, plan, planner.problems)

    def save_customer(self, draft: CustomerDraft, context: Context) -> CustomerMatch:
        with self.database.writing(context) as session:
            planner = self.planner(session)
            if found := self.matched(planner, draft):
                return match_of(found, created=False)
            rows, problems = planner.rows, planner.problems
            new = plan_customer(rows, self._orders, draft, "customer", problems)
            problems.raise_any()
            assert new is not None
            return match_of(new.create(rows, self.local_now()), created=True)
