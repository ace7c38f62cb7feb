"""The writes of Subiekt GT by Sfera GT."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from mostek.erp.v1.order_pb2 import OrderDraft, OrderLineDraft
from mostek.plugin.database import Session
from mostek.plugin.database_config import SqliteConfig
from mostek.plugin.orders.amounts import ZERO, line_amounts
from mostek.plugin.orders.cards import CustomerCard
from mostek.plugin.orders.plan import Plan, PlannedLine
from mostek.plugin.orders.recorded import RecordedOrder
from mostek.plugin.orders.writes import ProgramWriter
from mostek.plugin.sql_plugin import SqlPlugin
from mostek.plugin.worker.worker import Worker
from mostek_subiekt.orders.config import SferaConfig
from mostek_subiekt.orders.planner import split_remarks
from mostek_subiekt.orders.products import Product
from mostek_subiekt.orders.recorded import by_external_number, by_id
from mostek_subiekt.orders.rows import Rows
from mostek_subiekt.sfera.customer import NewCustomer
from mostek_subiekt.sfera.planner import SferaPlanner

__all__ = ["SferaWriter"]

OFFICE = "mostek_subiekt.sfera.office:Sfera"
#: Characters that `Uwagi` holds; what follows is in `UwagiExt`.
_REMARKS = 500


class SferaWriter(ProgramWriter):
    """Has the program write. `office`: what runs in the worker process."""

    def __init__(self, plugin: SqlPlugin, config: SferaConfig, office: str = OFFICE) -> None:
        super().__init__(plugin, Worker(office, _settings(plugin, config), config.worker))
        self._config = config

    def planner(self, session: Session) -> SferaPlanner:
        today = self.local_now().date()
        return SferaPlanner(Rows(session, self.database), self._config, today)

    def recorded(
        self, session: Session, *, number: str = "", order_id: int = 0
    ) -> list[RecordedOrder]:
        rows = Rows(session, self.database)
        found = by_external_number(rows, number) if number else by_id(rows, order_id)
        # A price was given as the value of its line, and only the value is sure to be kept.
        return [
            replace(order, lines=tuple(replace(line, prices={}) for line in order.lines))
            for order in found
        ]

    def customer_call(self, new: NewCustomer) -> Mapping[str, Any]:
        return {"members": new.members, "phone": new.phone}

    def order_call(
        self,
        plan: Plan[Any, Any, Any],
        draft: OrderDraft,
        buyer: CustomerCard,
        recipient: CustomerCard,
    ) -> Mapping[str, Any]:
        return {
            "warehouse": plan.warehouse,
            "header": self._header(plan, draft, buyer, recipient),
            "lines": [
                _line(line, given, from_net=plan.from_net)
                for line, given in zip(plan.known, draft.lines, strict=True)
            ],
            "payment": _payment(plan),
            "total": _total(draft),
        }

    def _header(
        self,
        plan: Plan[Any, Any, Any],
        draft: OrderDraft,
        buyer: CustomerCard,
        recipient: CustomerCard,
    ) -> dict[str, Any]:
        given = draft.HasField("price_list_id")
        return {
            "buyer": buyer.id,
            "recipient": recipient.id,
            "from_net": plan.from_net,
            "price_list": plan.price_list if given else 0,
            "reserve": plan.reserve,
            "date": plan.order_date.isoformat(),
            "external_number": plan.external_number,
            "remarks": split_remarks(plan.remarks, _REMARKS),
            "delivery_date": plan.delivery_date.isoformat() if plan.delivery_date else "",
        }


def _settings(plugin: SqlPlugin, config: SferaConfig) -> dict[str, Any]:
    """What the office is told; it holds passwords and goes to the worker's standard input alone."""
    database, login = plugin.database.config, config.login
    settings = {
        "operator": config.operator,
        "password": config.password.get_secret_value(),
        "login": [login.user, login.password.get_secret_value()] if login else None,
        "encrypt": config.encrypt_passwords,
        "match": config.match,
        "launch": config.launch,
    }
    if isinstance(database, SqliteConfig):
        place = {"sandbox": str(database.path), "server": "sandbox", "database": "sandbox"}
        return settings | place
    return settings | {"server": database.server, "database": database.database}


def _line(line: PlannedLine[Product], given: OrderLineDraft, *, from_net: bool) -> dict[str, Any]:
    return {
        "product": line.product.id,
        "unit": line.unit,
        "quantity": str(line.quantity),
        "vat": line.rate.id if given.HasField("vat_code") else 0,
        "values": dict(_values(line, given, from_net=from_net)),
        "remark": line.remark,
    }


def _values(
    line: PlannedLine[Product], given: OrderLineDraft, *, from_net: bool
) -> Iterator[tuple[str, str]]:
    """What is said of a line's price: what is known to fix it is the value of the line, before and after discount."""
    if not given.HasField("price"):
        if given.HasField("discount"):
            yield "RabatProcent", str(line.discount)
        return
    price = line.net_price if from_net else line.gross_price
    side = "Netto" if from_net else "Brutto"
    for name, discount in (("PrzedRabatem", ZERO), ("PoRabacie", line.discount)):
        value = line_amounts(line.quantity, price, discount, ZERO, from_net=True).net
        yield f"Wartosc{side}{name}", str(value)


def _payment(plan: Plan[Any, Any, Any]) -> dict[str, Any] | None:
    if plan.payment_method is None or plan.due is None:
        return None
    return {"method": plan.payment_method, "due": plan.due.isoformat()}


def _total(draft: OrderDraft) -> dict[str, str] | None:
    if not draft.HasField("expected_total"):
        return None
    return {"expected": draft.expected_total, "tolerance": draft.tolerance or "0"}
