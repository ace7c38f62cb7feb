"""What a draft names, looked up in Subiekt GT."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mostek.erp.v1.order_pb2 import ProductChoice
from mostek.plugin.orders.cards import Cards, ListedPrice, VatCard
from mostek.plugin.sql_types import SqlType
from mostek_subiekt.limits import COLUMNS
from mostek_subiekt.orders.customers import Customer, Customers
from mostek_subiekt.orders.products import Product, Products, vat_rates
from mostek_subiekt.orders.rows import Rows

__all__ = ["SubiektCards"]


class SubiektCards(Cards[Customer, Product]):
    """The card indexes, on one session."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._customers = Customers(rows)
        self._products = Products(rows)

    def by_id(self, wanted: str) -> list[Customer]:
        return self._customers.by_id(wanted)

    def by_code(self, code: str) -> list[Customer]:
        return self._customers.by_code(code)

    def by_tax_id(self, tax_id: str) -> list[Customer]:
        return self._customers.by_tax_id(tax_id)

    def products(self, choices: Sequence[ProductChoice]) -> list[list[Product]]:
        return self._products.find(choices)

    def prices(self, products: Iterable[Product], price_list: int) -> Mapping[int, ListedPrice]:
        return self._products.prices(products, price_list)

    def vat_rates(self) -> list[VatCard]:
        return vat_rates(self._rows)

    def column(self, path: str) -> SqlType:
        _, table, column = COLUMNS[f"OrderDraft.{path}"].split(".")
        return self._rows.type_of(table, column)
