"""The writes of Subiekt nexo by Sfera nexo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mostek.erp.v1.customer_pb2 import CustomerDraft, CustomerMatch
from mostek.erp.v1.order_pb2 import OrderDraft, OrderLineDraft
from mostek.plugin.database import Session
from mostek.plugin.database_config import SqliteConfig
from mostek.plugin.orders.cards import CustomerCard, ProductCard
from mostek.plugin.orders.lookup import Lookup
from mostek.plugin.orders.plan import Plan, PlannedLine
from mostek.plugin.orders.recorded import RecordedOrder
from mostek.plugin.orders.writes import ProgramWriter
from mostek.plugin.plugin import Context
from mostek.plugin.sql_plugin import SqlPlugin
from mostek.plugin.worker.config import WorkerConfig
from mostek.plugin.worker.worker import Worker
from mostek.wire.failures import Internal, Unsupported
from mostek_subiekt.nexo.config import NexoConfig
from mostek_subiekt.nexo.orders.config import HOW_TO_ALLOW_ORDERS, NexoOrders
from mostek_subiekt.nexo.orders.planner import NexoPlanner
from mostek_subiekt.nexo.orders.recorded import by_external_number, by_id
from mostek_subiekt.nexo.schema import OWNER

__all__ = ["NexoWriter"]

OFFICE = "mostek_subiekt.nexo.office:Nexo"


class NexoWriter(ProgramWriter):
    """Has the program write. `office`: what runs in the worker process."""

    def __init__(self, plugin: SqlPlugin, config: NexoConfig, office: str = OFFICE) -> None:
        orders = config.orders
        worker = orders.worker if orders else WorkerConfig()
        super().__init__(plugin, Worker(office, _settings(plugin, orders), worker))
        self._config = config
        self.refusal = "" if orders else HOW_TO_ALLOW_ORDERS

    def planner(self, session: Session) -> NexoPlanner:
        lookup = Lookup(session, self.database, OWNER)
        marked = self._config.customers == "contractors"
        today = self.local_now().date()
        return NexoPlanner(lookup, self._config.orders, today, marked=marked)

    def recorded(
        self, session: Session, *, number: str = "", order_id: int = 0
    ) -> list[RecordedOrder]:
        lookup = Lookup(session, self.database, OWNER)
        symbols = self._config.symbols.of("order")["order"]
        if number:
            return by_external_number(lookup, symbols, number)
        return by_id(lookup, symbols, order_id)

    def save_customer(self, draft: CustomerDraft, context: Context) -> CustomerMatch:
        """One that is there is told; none is ever created."""
        if self.refusal:
            raise Unsupported(self.refusal)
        return super().save_customer(draft, context)

    def customer_call(self, new: Any) -> Mapping[str, Any]:
        raise Internal("A customer was to be created in Subiekt nexo.")

    def order_call(
        self,
        plan: Plan[Any, Any, Any],
        draft: OrderDraft,
        buyer: CustomerCard,
        recipient: CustomerCard,
    ) -> Mapping[str, Any]:
        return {
            "header": {
                "buyer": buyer.code,
                "recipient": recipient.code if recipient.id != buyer.id else "",
                "warehouse": plan.warehouse,
                "from_net": plan.from_net,
                "date": plan.order_date.isoformat(),
                "delivery_date": plan.delivery_date.isoformat() if plan.delivery_date else "",
                "external_number": plan.external_number,
                "remarks": plan.remarks,
            },
            "lines": [
                _line(line, given, from_net=plan.from_net)
                for line, given in zip(plan.known, draft.lines, strict=True)
            ],
            "payment": plan.payment_method or 0,
            "total": _total(draft),
        }


def _settings(plugin: SqlPlugin, orders: NexoOrders | None) -> dict[str, Any]:
    """What the office is told; it holds passwords and goes to the worker's standard input alone."""
    if orders is None:
        return {}
    database, login = plugin.database.config, orders.login
    settings = {
        "folder": str(orders.folder),
        "runtime_config": str(orders.runtime_config or ""),
        "operator": orders.operator,
        "password": orders.password.get_secret_value(),
        "login": [login.user, login.password.get_secret_value()] if login else None,
    }
    if isinstance(database, SqliteConfig):
        place = {"sandbox": str(database.path), "server": "sandbox", "database": "sandbox"}
        return settings | place
    return settings | {"server": database.server, "database": database.database}


def _line(
    line: PlannedLine[ProductCard], given: OrderLineDraft, *, from_net: bool
) -> dict[str, Any]:
    """`price` and `discount`: empty where the program's own holds."""
    priced = given.HasField("price")
    price = line.net_price if from_net else line.gross_price
    return {
        "product": line.product.code,
        "unit": line.unit,
        "quantity": str(line.quantity),
        "price": str(price) if priced else "",
        "discount": str(line.discount / 100) if priced or given.HasField("discount") else "",
        "remark": line.remark,
    }


def _total(draft: OrderDraft) -> dict[str, str] | None:
    if not draft.HasField("expected_total"):
        return None
    return {"expected": draft.expected_total, "tolerance": draft.tolerance or "0"}
