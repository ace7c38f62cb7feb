"""The writes of enova365 by its business objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mostek.erp.v1.customer_pb2 import CustomerDraft
from mostek.erp.v1.order_pb2 import OrderDraft, OrderLineDraft
from mostek.plugin.database import Session
from mostek.plugin.database_config import SqliteConfig
from mostek.plugin.orders.cards import CustomerCard
from mostek.plugin.orders.lookup import Lookup, text
from mostek.plugin.orders.plan import Chosen, PlannedLine
from mostek.plugin.orders.planner import OrderPlanner
from mostek.plugin.orders.recorded import RecordedOrder
from mostek.plugin.orders.writes import ProgramWriter
from mostek.plugin.plugin import Context
from mostek.plugin.sql_plugin import SqlPlugin
from mostek.plugin.sql_types import Param
from mostek.plugin.worker.config import WorkerConfig
from mostek.plugin.worker.worker import Worker
from mostek.wire.failures import Unsupported
from mostek_enova.config import EnovaConfig
from mostek_enova.orders.cards import Product
from mostek_enova.orders.config import HOW_TO_ALLOW_CUSTOMERS, HOW_TO_ALLOW_ORDERS, OrdersConfig
from mostek_enova.orders.customers import NewCustomer
from mostek_enova.orders.planner import EnovaPlan, EnovaPlanner
from mostek_enova.orders.recorded import by_external_number, by_id

__all__ = ["EnovaWriter"]

OFFICE = "mostek_enova.office:Enova"


class EnovaWriter(ProgramWriter):
    """Has the program write. `office`: what runs in the worker process."""

    def __init__(self, plugin: SqlPlugin, config: EnovaConfig, office: str = OFFICE) -> None:
        worker = config.orders.worker if config.orders else WorkerConfig()
        super().__init__(plugin, Worker(office, _settings(plugin, config.orders), worker))
        self._orders = config.orders
        self._one_off = config.one_off
        self.refusal = "" if config.orders else HOW_TO_ALLOW_ORDERS

    def planner(self, session: Session) -> EnovaPlanner:
        lookup = Lookup(session, self.database)
        return EnovaPlanner(lookup, self._orders, self.local_now().date(), self._one_off)

    def recorded(
        self, session: Session, *, number: str = "", order_id: int = 0
    ) -> list[RecordedOrder]:
        lookup = Lookup(session, self.database)
        return by_external_number(lookup, number) if number else by_id(lookup, order_id)

    def save_customer(self, draft: CustomerDraft, context: Context) -> Any:
        if self._orders is None:
            raise Unsupported(HOW_TO_ALLOW_CUSTOMERS)
        return super().save_customer(draft, context)

    # The calls

    def customer_call(self, new: NewCustomer) -> Mapping[str, Any]:
        return {
            "members": dict(new.members),
            "address": dict(new.address),
            "correspondence": dict(new.correspondence),
            "email": new.email,
            "payment_form": new.payment_form,
        }

    def order_call(
        self, plan: EnovaPlan, draft: OrderDraft, buyer: CustomerCard, recipient: CustomerCard
    ) -> Mapping[str, Any]:
        orders = self._orders
        assert orders is not None
        listed = draft.HasField("price_list_id")
        return {
            "header": {
                "definition": plan.series,
                "warehouse": self._symbol(plan.warehouse),
                "buyer": buyer.code,
                "recipient": recipient.code if recipient.id != buyer.id else "",
                "from_net": plan.from_net,
                "date": plan.order_date.isoformat(),
                "external_number": plan.external_number,
                "delivery_date": plan.delivery_date.isoformat() if plan.delivery_date else "",
                "remarks": plan.remarks,
                "features": {orders.attributes[k]: v for k, v in draft.attributes.items()},
                "approve": orders.approve,
            },
            "lines": [
                _line(line, given, from_net=plan.from_net, listed=listed)
                for line, given in zip(plan.known, draft.lines, strict=True)
            ],
            "total": _total(draft),
        }

    def _symbol(self, warehouse: int) -> str:
        with self.database.reading(Context(operation="CreateOrder"), committed=True) as session:
            found = session.one(
                "SELECT m.Symbol FROM dbo.Magazyny m WHERE m.ID = ?",
                [Param.of(warehouse, "int")],
            )
        return text(found[0]) if found else ""

    def new_customer_found(
        self,
        planner: OrderPlanner[Any, Any, Any],
        chosen: Chosen[Any, Any],
        draft: CustomerDraft,
    ) -> CustomerCard | None:
        """By its code, which the program keeps unique and which was free: unless somebody else took it meanwhile."""
        wanted: CustomerCard = chosen.customer
        found: list[CustomerCard] = planner.cards.by_code(wanted.code)
        same = [one for one in found if (one.name, one.tax_id) == (wanted.name, wanted.tax_id)]
        return same[0] if same else None


def _settings(plugin: SqlPlugin, orders: OrdersConfig | None) -> dict[str, Any]:
    """What the office is told; it holds the password and goes to the worker's standard input alone."""
    if orders is None:
        return {}
    database = plugin.database.config
    return {
        "sandbox": str(database.path) if isinstance(database, SqliteConfig) else "",
        "folder": str(orders.folder or ""),
        "database": orders.database or "",
        "operator": orders.operator or "",
        "password": orders.password.get_secret_value(),
        "runtime": orders.runtime,
        "runtime_config": str(orders.runtime_config or ""),
    }


def _line(
    line: PlannedLine[Product], given: OrderLineDraft, *, from_net: bool, listed: bool
) -> dict[str, Any]:
    """`price` and `discount`: empty where the program's own holds."""
    priced = given.HasField("price") or listed
    discounted = priced or given.HasField("discount")
    return {
        "product": line.product.code,
        "unit": line.unit,
        "quantity": str(line.quantity),
        "price": str(line.net_price if from_net else line.gross_price) if priced else "",
        "discount": str(line.discount) if discounted else "",
    }


def _total(draft: OrderDraft) -> dict[str, str] | None:
    if not draft.HasField("expected_total"):
        return None
    return {"expected": draft.expected_total, "tolerance": draft.tolerance or "0"}
