"""What a draft names, looked up in WAPRO Mag."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mostek.erp.v1.order_pb2 import ProductChoice
from mostek.plugin.orders.cards import Cards, ListedPrice, VatCard
from mostek.plugin.orders.lookup import Lookup
from mostek.plugin.sql_types import SqlType
from mostek_wapro.limits import COLUMNS
from mostek_wapro.orders.customers import Customer, Customers
from mostek_wapro.orders.procedures import ADD_LINE, CONFIRM, Procedures
from mostek_wapro.orders.products import Product, Products, vat_rates

__all__ = ["WaproCards"]

#: Paths whose text goes through a parameter, which may be shorter than the column.
_PARAMETERS = {
    "external_number": (CONFIRM, "nr_zam_klienta"),
    "remarks": (CONFIRM, "uwagi"),
    "lines.remark": (ADD_LINE, "opis"),
}


class WaproCards(Cards[Customer, Product]):
    """The card indexes of one company, on one session."""

    def __init__(
        self, lookup: Lookup, customers: Customers, products: Products, procedures: Procedures
    ) -> None:
        self._lookup = lookup
        self._procedures = procedures
        self.customers = customers
        self.products_in = products

    def by_id(self, wanted: str) -> list[Customer]:
        return self.customers.by_id(wanted)

    def by_code(self, code: str) -> list[Customer]:
        return self.customers.by_code(code)

    def by_tax_id(self, tax_id: str) -> list[Customer]:
        return self.customers.by_tax_id(tax_id)

    def products(self, choices: Sequence[ProductChoice]) -> list[list[Product]]:
        return self.products_in.find(choices)

    def prices(self, products: Iterable[Product], price_list: int) -> Mapping[int, ListedPrice]:
        return self.products_in.prices(products, price_list)

    def vat_rates(self) -> list[VatCard]:
        return vat_rates(self._lookup)

    def column(self, path: str) -> SqlType:
        if path == "buyer.code":
            # A number of up to ten digits.
            return SqlType("varchar", 10)
        _, table, column = COLUMNS[f"OrderDraft.{path}"].split(".")
        kind = self._lookup.type_of(table, column)
        step, name = _PARAMETERS.get(path, ((), ""))
        given = self._procedures.first(step).type_of(name) if self._procedures.has(step) else None
        return min(kind, given or kind, key=lambda one: one.size or 0)
