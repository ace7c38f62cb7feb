"""Products that a draft names: cards of one warehouse, with their units, prices and VAT rates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from mostek.erp.v1.order_pb2 import ProductChoice
from mostek.plugin.clarion import day
from mostek.plugin.orders.cards import ListedPrice, ProductCard, VatCard, folded
from mostek.plugin.orders.choices import Search, chosen_products
from mostek.plugin.orders.lookup import Lookup, text
from mostek_wapro.conversion import flag, vat_percent
from mostek_wapro.orders.customers import GREATEST_ID, amount, number

__all__ = ["Product", "Products", "vat_rates"]

_SELECT = """
SELECT t.ID_ARTYKULU, t.INDEKS_KATALOGOWY, COALESCE(NULLIF(t.NAZWA_CALA, ''), t.NAZWA), t.RODZAJ, t.ZABLOKOWANY,
    t.ID_MAGAZYNU, j.SKROT, t.VAT_SPRZEDAZY, t.ID_CENY_DOM, t.CENA_PROMOCJI_N, t.PROMOCJA_OD, t.PROMOCJA_DO
FROM dbo.ARTYKUL t
LEFT JOIN dbo.JEDNOSTKA j ON j.ID_JEDNOSTKI = t.ID_JEDNOSTKI
WHERE t.ID_ARTYKULU IN ({})
"""
_BY_CODE = (
    "SELECT t.INDEKS_KATALOGOWY, t.ID_ARTYKULU FROM dbo.ARTYKUL t"
    " WHERE t.ID_MAGAZYNU = ? AND t.INDEKS_KATALOGOWY IN ({})",
)
_BY_EAN = (
    "SELECT t.KOD_KRESKOWY, t.ID_ARTYKULU FROM dbo.ARTYKUL t"
    " WHERE t.ID_MAGAZYNU = ? AND t.KOD_KRESKOWY IN ({})",
    "SELECT k.KOD_KRESKOWY, k.ID_ARTYKULU FROM dbo.KOD_KRESKOWY k"
    " WHERE k.ID_MAGAZYNU = ? AND k.KOD_KRESKOWY IN ({})",
)
_UNITS = (
    "SELECT j.ID_ARTYKULU, j.SKROT, j.PRZELICZNIK FROM dbo.JEDNOSTKA j WHERE j.ID_ARTYKULU IN ({})"
)
_PRICES = (
    "SELECT c.ID_ARTYKULU, c.ID_CENY, c.CENA_NETTO, c.CENA_BRUTTO, c.SYM_WAL FROM dbo.CENA_ARTYKULU c"
    " WHERE c.ID_ARTYKULU IN ({})"
)
_RATES = "SELECT v.KOD_VAT, v.STAWKA, v.AKTYWNY FROM dbo.STAWKA_VAT v"

_BLOCKED = "the product is withdrawn (zablokowany)"
_ELSEWHERE = (
    "the product's card is one of another warehouse ({}): name it by its code, or give that"
    " `warehouse_id` of the order"
)


@dataclass(frozen=True, kw_only=True)
class Product(ProductCard):
    """A card; `price_list` is its own default."""

    price_list: int = 0


class Products:
    """Looks products up, all that a draft names at once. `warehouse`: the order's, 0 while it is not known."""

    def __init__(self, lookup: Lookup, warehouses: Mapping[int, str], today: date) -> None:
        self._lookup = lookup
        self._warehouses = warehouses
        self._today = today
        self.warehouse = 0

    def find(self, choices: Sequence[ProductChoice]) -> list[list[Product]]:
        """For each choice the products that it means: none, one, or several."""
        return chosen_products(
            choices,
            codes=self._search(_BY_CODE),
            eans=self._search(_BY_EAN),
            read=self._by_id,
            greatest=GREATEST_ID,
        )

    def prices(self, products: Iterable[Product], price_list: int) -> dict[int, ListedPrice]:
        """The prices of that list, by product; of list 0, those of each product's own."""
        lists = {product.id: price_list or product.price_list for product in products}
        found: dict[int, ListedPrice] = {}
        for product, price, net, gross, currency in self._lookup.fetch_in(_PRICES, lists, "bigint"):
            if lists[int(product)] == price:
                listed = ListedPrice(_price(net), _price(gross), text(currency) or "PLN")
                found[int(product)] = listed
        return found

    def _search(self, statements: Sequence[str]) -> Search:
        # Without a warehouse that alone is the problem: the first one's cards stand for the others'.
        warehouse = self.warehouse or next(iter(self._warehouses), 0)
        return self._lookup.search(statements, "varchar(20)", number(warehouse))

    def _by_id(self, wanted: Sequence[int]) -> dict[int, Product]:
        units: dict[int, dict[str, tuple[str, Decimal]]] = defaultdict(dict)
        for card, unit, factor in self._lookup.fetch_in(_UNITS, wanted, "bigint"):
            units[int(card)].setdefault(folded(unit), (text(unit), amount(factor)))
        rows = self._lookup.fetch_in(_SELECT, wanted, "bigint")
        # Cards of another company's warehouses are none of this one's.
        return {
            int(row[0]): self._product(row, units[int(row[0])])
            for row in rows
            if int(row[5] or 0) in self._warehouses
        }

    def _product(self, row: Sequence[Any], units: dict[str, tuple[str, Decimal]]) -> Product:
        unit, warehouse = text(row[6]), int(row[5])
        elsewhere = self.warehouse not in {0, warehouse}
        return Product(
            id=int(row[0]),
            code=text(row[1]),
            name=text(row[2]),
            is_service=text(row[3])[:1].upper() == "U",
            blocked=_BLOCKED if flag(row[4]) else "",
            unorderable=_ELSEWHERE.format(self._warehouses[warehouse]) if elsewhere else "",
            unit=unit,
            units={folded(unit): (unit, Decimal(1))}
            | {name: one for name, one in units.items() if name != folded(unit)},
            vat=text(row[7]) or None,
            price_list=int(row[8] or 0),
            has_discount=bool(row[9]) and self._is_now(row[10], row[11]),
        )

    def _is_now(self, first: Any, last: Any) -> bool:
        """Whether a promotion runs; an end that is not set is none."""
        begin, end = day(first), day(last)
        return (begin is None or begin <= self._today) and (end is None or self._today <= end)


def vat_rates(lookup: Lookup) -> list[VatCard]:
    """The VAT rates in use; their ids are their codes."""
    return [
        VatCard(
            id=text(code),
            code=text(code),
            percent=amount(rate),
            known=vat_percent(amount(rate), text(code)),
        )
        for code, rate, active in lookup.fetch(_RATES)
        if active is None or flag(active)
    ]


def _price(value: Any) -> Decimal:
    return Decimal(f"{value or 0:.4f}")
