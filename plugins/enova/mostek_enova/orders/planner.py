"""What of a draft is enova365's own: definition, warehouse, and what its business objects are not known to take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from mostek.erp.v1.common_pb2 import TransactionKind
from mostek.erp.v1.customer_pb2 import CustomerDraft
from mostek.erp.v1.order_pb2 import OrderDraft
from mostek.plugin.orders.cards import CustomerCard
from mostek.plugin.orders.choices import known_id
from mostek.plugin.orders.lookup import Lookup, text
from mostek.plugin.orders.plan import Chosen, Plan
from mostek.plugin.orders.planner import Defaults, OrderPlanner
from mostek.plugin.orders.problems import INACTIVE, INCONSISTENT, NOT_FOUND, OTHER
from mostek.plugin.sql_types import Param
from mostek_enova.orders.cards import EnovaCards, Product
from mostek_enova.orders.config import HOW_TO_ALLOW_ORDERS, OrdersConfig
from mostek_enova.orders.customers import NewCustomer, plan_customer

__all__ = ["EnovaPlan", "EnovaPlanner"]

EnovaPlan = Plan[CustomerCard, Product, NewCustomer]

_CUSTOMERS_ORDERS = 302
_BY_CUSTOMER, _GROSS = 4, 2
_FEATURE = 3000
_OF_DEFINITION = "the program's definition of the order decides it"


@dataclass(frozen=True)
class _Definition:
    """A definition of orders. `reserves`: None where the database does not tell."""

    symbol: str
    counted_from: int
    price_list: int
    reserves: bool | None


class EnovaPlanner(OrderPlanner[CustomerCard, Product, NewCustomer]):
    """Plans one order. Without a configuration it plans what it can, and tells what is missing."""

    one_warehouse = (
        "enova365 has one warehouse for the whole order: give `warehouse_id` of the order"
    )

    def __init__(
        self, lookup: Lookup, config: OrdersConfig | None, today: date, one_off: tuple[str, ...]
    ) -> None:
        cards = EnovaCards(lookup, today, one_off)
        super().__init__(cards, today)
        self._enova = cards
        self._lookup = lookup
        self._config = config
        self._definition: _Definition | None = None

    def plan(self, draft: OrderDraft) -> EnovaPlan:
        if self._config is None:
            self.problems.unsupported("", HOW_TO_ALLOW_ORDERS)
        plan = super().plan(draft)
        self._refuse_other_rates(plan)
        return plan

    def defaults(self) -> Defaults:
        definition, config = self._definition, self._config
        return Defaults(
            warehouse=self._warehouse_of(config.warehouse) if config else 0,
            price_list=self._price_list_of(config, definition),
            from_net=definition is None or definition.counted_from != _GROSS,
        )

    # The definition

    def _read_definition(self, draft: OrderDraft) -> _Definition | None:
        symbol = draft.series or (self._config.definition if self._config else "")
        if not symbol:
            return None
        columns = [
            f"f.{name}" if self._lookup.has("DefDokHandlowych", name) else "NULL"
            for name in ("LiczonaOd", "Cena", "RezerwowacTowar")
        ]
        found = self._lookup.one(
            f"SELECT f.Symbol, f.Blokada, {', '.join(columns)} FROM dbo.DefDokHandlowych f"  # noqa: S608 - names of this module
            " WHERE f.Symbol = ? AND f.Kategoria = ?",
            Param.of(symbol, "nvarchar(50)"),
            Param.of(_CUSTOMERS_ORDERS, "int"),
        )
        if found is None or found[1]:
            self._refuse_definition(draft, symbol, known=found is not None)
            return None
        reserves = None if found[4] is None else bool(found[4])
        return _Definition(text(found[0]), int(found[2] or 0), int(found[3] or 0), reserves)

    def _refuse_definition(self, draft: OrderDraft, symbol: str, *, known: bool) -> None:
        path = "series" if draft.series else ""
        if known:
            self.problems.add(path, INACTIVE, f"the definition {symbol} is out of use (blokada)")
            return
        where = "" if draft.series else ": correct `definition` in [companies.<name>.orders]"
        said = f"there is no definition {symbol} of customers' orders{where}"
        self.problems.add(path, NOT_FOUND if draft.series else OTHER, said)

    # What is not written

    def refuse_unsupported(self, draft: OrderDraft) -> None:
        refuse = self.problems.unsupported
        self._definition = self._read_definition(draft)
        self._enova.by_customer = bool(
            self._definition and self._definition.counted_from == _BY_CUSTOMER
        )
        if draft.currency not in {"", "PLN"}:
            refuse("currency", "orders are written in PLN only")
        elif draft.HasField("exchange_rate"):
            self.problems.add(
                "exchange_rate", INCONSISTENT, "PLN has no exchange rate: leave it out"
            )
        if Decimal(draft.discount or "0"):
            refuse("discount", "give the discount at each line instead of the whole order")
        if draft.HasField("reserve"):
            self._refuse_reserve(draft.reserve)
        domestic = TransactionKind.TRANSACTION_KIND_DOMESTIC
        if draft.transaction_kind not in {0, domestic}:
            refuse("transaction_kind", "only domestic orders are written")
        if draft.document_wanted:
            refuse("document_wanted", "enova365's orders don't keep it: say it in the remarks")
        for number, line in enumerate(draft.lines):
            if line.remark:
                refuse(
                    f"lines[{number}].remark",
                    "lines take none: say it in the remarks of the order",
                )

    def _refuse_reserve(self, wanted: bool) -> None:
        if self._definition is None or self._definition.reserves is not wanted:
            self.problems.unsupported("reserve", f"{_OF_DEFINITION}: leave it out")

    def _refuse_other_rates(self, plan: EnovaPlan) -> None:
        for number, line in enumerate(plan.lines):
            if line and line.rate.id != line.product.vat:
                self.problems.unsupported(
                    f"lines[{number}].vat_code", "another rate than the product's can't be written"
                )

    # What the draft names

    def new_customer(
        self, draft: CustomerDraft, path: str
    ) -> Chosen[CustomerCard, NewCustomer] | None:
        allowed = self._config is not None and self._config.customers
        planned = plan_customer(self._lookup, self._enova, draft, path, self.problems, allowed)
        return Chosen(*planned) if planned else None

    def warehouse(self, wanted: str) -> int:
        number = known_id(wanted)
        found = number and self._lookup.one(
            "SELECT m.ID FROM dbo.Magazyny m WHERE m.ID = ?", Param.of(number, "int")
        )
        return int(found[0]) if found else 0

    def price_list(self, wanted: str) -> int:
        number = known_id(wanted)
        found = number and self._lookup.one(
            "SELECT l.ID FROM dbo.DefinicjeCen l WHERE l.ID = ? AND COALESCE(l.Kierunek, 1) <> 2",
            Param.of(number, "int"),
        )
        return int(found[0]) if found else 0

    def _warehouse_of(self, symbol: str) -> int:
        found = self._lookup.one(
            "SELECT m.ID FROM dbo.Magazyny m WHERE m.Symbol = ?", Param.of(symbol, "nvarchar(50)")
        )
        if found is None:
            said = (
                f"there is no warehouse {symbol}: correct `warehouse` in [companies.<name>.orders]"
            )
            self.problems.add("", OTHER, said)
        return int(found[0]) if found else 0

    def _price_list_of(self, config: OrdersConfig | None, definition: _Definition | None) -> int:
        name = config.price_list if config else None
        if name is None:
            return definition.price_list if definition else 0
        found = self._lookup.one(
            "SELECT l.ID FROM dbo.DefinicjeCen l WHERE l.Nazwa = ?",
            Param.of(name, "nvarchar(100)"),
        )
        if found is None:
            said = f"there are no prices {name}: correct `price_list` in [companies.<name>.orders]"
            self.problems.add("", OTHER, said)
        return int(found[0]) if found else 0

    def plan_payment(self, plan: EnovaPlan, draft: OrderDraft) -> None:
        for name in ("payment_method_id", "payment_days"):
            if draft.HasField(name):
                said = "orders have no terms of payment here: the program takes the buyer's"
                self.problems.unsupported(name, said)

    def plan_delivery(self, plan: EnovaPlan, draft: OrderDraft) -> None:
        if kind := draft.delivery.WhichOneof("delivery"):
            self.problems.unsupported(
                f"delivery.{kind}",
                "how the program takes a delivery address is not known: say it in the remarks",
            )

    def plan_more(self, plan: EnovaPlan, draft: OrderDraft) -> None:
        plan.series = self._definition.symbol if self._definition else ""
        known: Mapping[str, str] = self._config.attributes if self._config else {}
        for name, value in sorted(draft.attributes.items()):
            path = f"attributes.{name}"
            if name not in known:
                self.problems.unsupported(path, "the site lets no such attribute be written")
            self.problems.text(path, value, f"nvarchar({_FEATURE})")

    def _check_total(self, plan: EnovaPlan, draft: OrderDraft) -> None:
        """Of prices that only the program knows, it tells the total, before it saves."""
        if all(line.HasField("price") for line in draft.lines):
            super()._check_total(plan, draft)
        elif plan.is_priced:
            self.problems.warn(
                "", "lines without a price get the program's, which may differ from the list's"
            )
