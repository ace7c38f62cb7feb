"""The writes of Optima by its own objects."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mostek.erp.v1.order_pb2 import OrderDraft, OrderLineDraft
from mostek.plugin.database import Session
from mostek.plugin.database_config import SqliteConfig
from mostek.plugin.orders.amounts import ZERO, line_amounts
from mostek.plugin.orders.cards import CustomerCard
from mostek.plugin.orders.lookup import Lookup
from mostek.plugin.orders.plan import Plan, PlannedLine
from mostek.plugin.orders.recorded import RecordedLine, RecordedOrder
from mostek.plugin.orders.writes import ProgramWriter
from mostek.plugin.sql_plugin import SqlPlugin
from mostek.plugin.worker.worker import Worker
from mostek_optima.com.customer import NewCustomer
from mostek_optima.com.planner import ComPlanner
from mostek_optima.orders.cards import OptimaCards, Product
from mostek_optima.orders.config import ComConfig
from mostek_optima.orders.recorded import by_external_number, by_id

__all__ = ["ComWriter", "machine_refusals"]

OFFICE = "mostek_optima.com.office:ComOffice"


class ComWriter(ProgramWriter):
    """Has the program write. `office`: what runs in the worker process."""

    def __init__(
        self, plugin: SqlPlugin, config: ComConfig, company: str, one_off: str, office: str = OFFICE
    ) -> None:
        worker = Worker(office, _settings(plugin, config, company), config.worker)
        super().__init__(plugin, worker)
        self._config = config
        self._one_off = one_off

    def planner(self, session: Session) -> ComPlanner:
        lookup = Lookup(session, self.database, "CDN")
        cards = OptimaCards(lookup, self._one_off, counts=True)
        return ComPlanner(cards, self._config, self.local_now().date())

    def recorded(
        self, session: Session, *, number: str = "", order_id: int = 0
    ) -> list[RecordedOrder]:
        lookup = Lookup(session, self.database, "CDN")
        found = by_external_number(lookup, number) if number else by_id(lookup, order_id)
        return [replace(order, lines=tuple(map(_as_given, order.lines))) for order in found]

    def customer_call(self, new: NewCustomer) -> Mapping[str, Any]:
        return {"members": new.members, "address": new.address, "tax_id": list(new.tax_id)}

    def order_call(
        self,
        plan: Plan[Any, Any, Any],
        draft: OrderDraft,
        buyer: CustomerCard,
        recipient: CustomerCard,
    ) -> Mapping[str, Any]:
        allowed = self._config.attributes
        return {
            "header": self._header(plan, buyer, recipient),
            "lines": [
                _line(line, given, from_net=plan.from_net)
                for line, given in zip(plan.known, draft.lines, strict=True)
            ],
            "attributes": {allowed[name]: value for name, value in draft.attributes.items()},
        }

    def _header(
        self, plan: Plan[Any, Any, Any], buyer: CustomerCard, recipient: CustomerCard
    ) -> dict[str, Any]:
        return {
            "approve": plan.reserve,
            "date": plan.order_date.isoformat(),
            "series": plan.series,
            "register": self._config.number_register or "",
            "buyer": buyer.id,
            "recipient": recipient.id,
            "payment": plan.payment_method or 0,
            "warehouse": plan.warehouse,
            "from_net": plan.from_net,
            "external_number": plan.external_number,
            "remarks": plan.remarks,
            "delivery_date": plan.delivery_date.isoformat() if plan.delivery_date else "",
        }


def machine_refusals(config: ComConfig, platform: str = sys.platform) -> list[str]:
    """Why the program can't be had on this machine, as sentences."""
    if platform != "win32":
        return ["Optima's objects need Windows: run the connector where Optima is installed."]
    if not Path(config.folder).is_dir():
        return [
            f"There is no folder {config.folder}: correct `folder` in [companies.<name>.orders]."
        ]
    return []


def _as_given(line: RecordedLine) -> RecordedLine:
    """A net price was given as the value of its line, and only the value is sure to be kept."""
    prices = {kind: price for kind, price in line.prices.items() if kind != "net"}
    return replace(line, prices=prices)


def _settings(plugin: SqlPlugin, config: ComConfig, company: str) -> dict[str, Any]:
    """What the office is told; it holds a password and goes to the worker's standard input alone."""
    database = plugin.database.config
    settings = {
        "operator": config.operator,
        "password": config.password.get_secret_value(),
        "company": company,
        "folder": config.folder,
        "configuration": config.configuration,
        "lock": [config.lock_flags, config.lock_timeout],
        "modules": config.login_modules,
    }
    if isinstance(database, SqliteConfig):
        return settings | {"sandbox": str(database.path), "folder": str(database.path.parent)}
    return settings


def _line(line: PlannedLine[Product], given: OrderLineDraft, *, from_net: bool) -> dict[str, Any]:
    another = given.HasField("vat_code") and line.rate.id != line.product.vat
    return {
        "product": line.product.id,
        "quantity": str(line.quantity),
        "percent": str(line.rate.percent) if another else "",
        "values": dict(_values(line, given, from_net=from_net)),
        "remark": line.remark,
    }


def _values(
    line: PlannedLine[Product], given: OrderLineDraft, *, from_net: bool
) -> Iterator[tuple[str, str]]:
    """What is said of a line's price: the value of a net one stands whatever discount the program has."""
    if not given.HasField("price"):
        return
    if from_net:
        value = line_amounts(line.quantity, line.net_price, ZERO, ZERO, from_net=True).net
        yield "WartoscNetto", str(value)
    else:
        yield "Cena0", str(line.gross_price)
