"""Customers, products and VAT rates that a draft names, looked up in Optima."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mostek.erp.v1.order_pb2 import ProductChoice
from mostek.plugin.orders.amounts import other_price
from mostek.plugin.orders.cards import (
    Cards,
    CustomerCard,
    ListedPrice,
    ProductCard,
    VatCard,
    folded,
)
from mostek.plugin.orders.choices import chosen_products, known_id
from mostek.plugin.orders.lookup import Lookup, integer, text
from mostek.plugin.sql_types import Param, SqlType
from mostek.plugin.tax_ids import compact_notations, typed_tax_id
from mostek_optima.conversion import BASE_CURRENCY, REDUCED, vat_code, vat_percent
from mostek_optima.limits import COLUMNS

__all__ = ["Customer", "OptimaCards", "Product", "amount"]

_CUSTOMERS = """
SELECT k.Knt_KntId, k.Knt_Kod, k.Knt_Nazwa1, k.Knt_Nazwa2, k.Knt_Nazwa3, k.Knt_NipKraj, k.Knt_Nip, k.Knt_KrajISO,
    k.Knt_BlokadaDok, k.Knt_ZakazDokumentowHaMag, k.Knt_AutoWindBlokadaSprzed, k.Knt_Nieaktywny, k.Knt_Ceny,
    k.Knt_Upust, k.Knt_FplID, k.Knt_TerminPlat, k.Knt_Termin, k.Knt_Export
FROM CDN.Kontrahenci k WHERE k.Knt_Kod NOT LIKE ? AND """
_PRODUCTS = """
SELECT t.Twr_TwrId, t.Twr_Kod, t.Twr_Nazwa, t.Twr_Typ, t.Twr_NieAktywny, t.Twr_JM, t.Twr_Flaga, t.Twr_Stawka,
    t.Twr_TwCNumer, t.Twr_BezRabatu, t.Twr_TwGGIDNumer, t.Twr_Produkt, t.Twr_Kaucja{more}
FROM CDN.Towary t WHERE t.Twr_TwrId IN ({{}})
"""
#: What the program adds to a document for such a product, and nobody else does; newer columns among them.
_ADDED = {
    "Twr_SystemKaucyjny": "the deposit packaging",
    "Twr_Akcyza": "excise duty",
    "Twr_OplataCukrowa": "the sugar fee",
    "Twr_OdwrotneObciazenie": "the reverse charge",
}
_REMARK = "the program adds {} to such a product, direct SQL does not"
_REDUCED = "its VAT is a reduced one (stawka zaniżona), which orders are not written with"
_COMPOSITE = "a composite service has components that only the program adds"
_PACKAGING = "returnable packaging is counted by the program alone"
_BY_CODE = ("SELECT t.Twr_Kod, t.Twr_TwrId FROM CDN.Towary t WHERE t.Twr_Kod IN ({})",)
_BY_EAN = (
    "SELECT t.Twr_EAN, t.Twr_TwrId FROM CDN.Towary t WHERE t.Twr_EAN IN ({})",
    "SELECT e.TwE_EAN, e.TwE_TwrID FROM CDN.TwrEan e WHERE e.TwE_EAN IN ({})",
)
_PRICES = (
    "SELECT c.TwC_TwrID, c.TwC_TwCNumer, c.TwC_Typ, c.TwC_Wartosc, c.TwC_Waluta FROM CDN.TwrCeny c"
    " WHERE c.TwC_TwrID IN ({})"
)
_RATES = "SELECT t.Twr_Flaga, t.Twr_Stawka FROM CDN.Towary t GROUP BY t.Twr_Flaga, t.Twr_Stawka"
# Discounts (Rabaty) that the program counts and nobody else can: of the customer, of any group of customers, of
# products and their groups for all.
_OF_CUSTOMER = "SELECT MIN(r.Rab_RabId) FROM CDN.Rabaty r WHERE r.Rab_PodmiotId = ? OR r.Rab_Typ IN (1, 3, 4, 12)"
_OF_PRODUCTS = (
    "SELECT r.Rab_TwrId FROM CDN.Rabaty r WHERE r.Rab_Typ IN (7, 8, 11) AND r.Rab_TwrId IN ({})"
)
_PURCHASE = 1

_INACTIVE = "the customer is withdrawn from use (nieaktywny)"
_BLOCKED = (
    "the customer is blocked (blokada sprzedaży)",
    "the customer may not be on trade documents (zakaz dokumentów)",
    "the customer is blocked by dunning (windykacja)",
)


@dataclass(frozen=True, kw_only=True)
class Customer(CustomerCard):
    """A contractor. `payment` is the id of its payment form, 0 if it has none; `days` its own term, None where that of
    the form holds; `export` what its sales are for VAT, 0 if domestic."""

    payment: int = 0
    days: int | None = None
    export: int = 0


@dataclass(frozen=True, kw_only=True)
class Product(ProductCard):
    """A product; `price_list` is the number of its default price, `percent` its VAT."""

    price_list: int = 0
    flag: int = 0
    percent: Decimal = Decimal(0)


class OptimaCards(Cards[Customer, Product]):
    """The card indexes, on one session.

    `one_off`: the code of the contractor that stands for one-off customers. `counts`: whether the program counts the
    prices, so that discounts need not be told here.
    """

    def __init__(self, lookup: Lookup, one_off: str, *, counts: bool) -> None:
        self.lookup = lookup
        self._one_off = Param.of(one_off, "varchar(20)")
        self._counts = counts
        added = () if counts else _ADDED
        self._added = [name for name in added if lookup.has("Towary", name)]

    # Customers

    def by_id(self, wanted: str) -> list[Customer]:
        number = known_id(wanted)
        return self._customers("k.Knt_KntId = ?", integer(number)) if number else []

    def by_code(self, code: str) -> list[Customer]:
        return self._customers("k.Knt_Kod = ?", Param.of(code, "varchar(20)"))

    def by_tax_id(self, tax_id: str) -> list[Customer]:
        """Those with this tax id; Knt_Nip has no separators, and perhaps the prefix."""
        spelled = compact_notations(tax_id)
        marks = ", ".join("?" * len(spelled))
        params = [Param.of(spelling, "nvarchar(20)") for spelling in spelled if len(spelling) <= 20]
        wanted = typed_tax_id(tax_id)
        found = self._customers(f"k.Knt_Nip IN ({marks})", *params)
        return [customer for customer in found if customer.tax_id == wanted]

    def _customers(self, condition: str, *params: Param) -> list[Customer]:
        rows = self.lookup.fetch(_CUSTOMERS + condition, self._one_off, *params)
        return [self._customer(row) for row in rows]

    def _customer(self, row: Sequence[Any]) -> Customer:
        reasons = (reason for reason, set_ in zip(_BLOCKED, row[8:11], strict=True) if set_)
        return Customer(
            id=row[0],
            code=text(row[1]),
            name=" ".join(filter(None, map(text, row[2:5]))),
            blocked=_INACTIVE if row[11] else next(reasons, ""),
            tax_id=typed_tax_id(f"{text(row[5])}{text(row[6])}", text(row[7])[:2]),
            price_list=row[12] if row[12] > _PURCHASE else None,
            discount=None if self._has_discounts(int(row[0])) else amount(row[13]),
            payment=row[14] or 0,
            days=int(row[16] or 0) if row[15] else None,
            export=int(row[17] or 0),
        )

    def _has_discounts(self, customer: int) -> bool:
        found = None if self._counts else self.lookup.one(_OF_CUSTOMER, integer(customer))
        return bool(found and found[0])

    # Products

    def products(self, choices: Sequence[ProductChoice]) -> list[list[Product]]:
        return chosen_products(
            choices,
            codes=self.lookup.search(_BY_CODE, "varchar(50)"),
            eans=self.lookup.search(_BY_EAN, "varchar(40)"),
            read=self._products,
        )

    def _products(self, ids: Sequence[int]) -> dict[int, Product]:
        more = "".join(f", t.{name}" for name in self._added)
        rows = list(self.lookup.fetch_in(_PRODUCTS.format(more=more), ids, "int"))
        reduced = set() if self._counts else self._discounted(rows)
        return {int(row[0]): self._product(row, int(row[0]) in reduced) for row in rows}

    def _discounted(self, rows: Sequence[Sequence[Any]]) -> set[int]:
        """Products whose price the program alone can count: for a discount, or because none is given on them."""
        wanted = {int(number) for row in rows for number in (row[0], row[10])}
        found = {int(row[0]) for row in self.lookup.fetch_in(_OF_PRODUCTS, wanted, "int")}
        return {int(row[0]) for row in rows if row[9] or {int(row[0]), int(row[10])} & found}

    def _product(self, row: Sequence[Any], discounted: bool) -> Product:
        unit, flag = text(row[5]), int(row[6])
        percent = amount(vat_percent(flag, row[7]))
        added = [_ADDED[name] for name, one in zip(self._added, row[13:], strict=True) if one]
        return Product(
            id=int(row[0]),
            code=text(row[1]),
            name=text(row[2]),
            is_service=row[3] == 0,
            blocked="the product is withdrawn from use (nieaktywny)" if row[4] else "",
            unorderable=_REDUCED if flag == REDUCED else self._by_program_alone(row),
            remarks=tuple(map(_REMARK.format, added)),
            unit=unit,
            # In which unit a line of another one keeps quantity and price is not known.
            units={folded(unit): (unit, Decimal(1))},
            vat=_rate_id(flag, row[7]),
            flag=flag,
            percent=percent,
            price_list=int(row[8]),
            has_discount=discounted,
        )

    def _by_program_alone(self, row: Sequence[Any]) -> str:
        """Why the product is in no order that the program does not write."""
        if self._counts:
            return ""
        composite = row[3] == 0 and row[11]
        return _COMPOSITE if composite else _PACKAGING if row[12] else ""

    def prices(self, products: Iterable[Product], price_list: int) -> Mapping[int, ListedPrice]:
        """Of list 0, those of each product's own default."""
        known = {product.id: product for product in products}
        found: dict[int, ListedPrice] = {}
        for number, place, kind, value, currency in self.lookup.fetch_in(_PRICES, known, "int"):
            product = known[int(number)]
            if place == (price_list or product.price_list) and place != _PURCHASE:
                found[product.id] = _listed(product, int(kind), amount(value), text(currency))
        return found

    def vat_rates(self) -> list[VatCard]:
        """Those that products have."""
        return [
            VatCard(
                id=_rate_id(int(flag), rate),
                code=vat_code(flag, rate) or "",
                percent=amount(vat_percent(flag, rate)),
                known=None if vat_percent(flag, rate) is None else amount(rate),
                # Not to be chosen by its code, which an ordinary rate may have too.
                foreign=int(flag) == REDUCED,
            )
            for flag, rate in self.lookup.fetch(_RATES)
        ]

    def column(self, path: str) -> SqlType:
        if path == "external_number":
            # The column takes more than the contract does.
            return SqlType("varchar", 64)
        _, table, column = COLUMNS[f"OrderDraft.{path}"].split(".")
        return self.lookup.type_of(table, column)


def _listed(product: Product, kind: int, value: Decimal, currency: str) -> ListedPrice:
    """A price is net or gross; the other is counted."""
    net = kind == 1
    other = other_price(value, product.percent, from_net=net)
    return ListedPrice(value if net else other, other if net else value, currency or BASE_CURRENCY)


def _rate_id(flag: int, rate: Any) -> str:
    return f"{flag}:{amount(rate):.2f}"


def amount(value: Any) -> Decimal:
    """A decimal column's value; NULL is 0."""
    return Decimal(f"{value or 0:.4f}")
