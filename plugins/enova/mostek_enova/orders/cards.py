"""What a draft names, looked up in enova365."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from mostek.erp.v1.order_pb2 import ProductChoice
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
from mostek.plugin.tax_ids import compact_notations, compact_sql, typed_tax_id
from mostek_enova.conversion import UNSET, first_line, rate_percent, typed
from mostek_enova.limits import COLUMNS, LIMITS

__all__ = ["EnovaCards", "Product", "amount"]

_SERVICE, _RECIPE = 2, 8
_CUSTOMERS = """
SELECT k.ID, k.Kod, k.Nazwa, k.NIP, k.EuVAT, a.AdresKodKraju, k.Blokada, k.BlokadaSprzedazy, k.Rabat, k.RodzajPodmiotu,
    k.VATLiczonyOd
FROM dbo.Kontrahenci k
LEFT JOIN dbo.Adresy a ON a.ID = (
    SELECT MIN(x.ID) FROM dbo.Adresy x WHERE x.HostType = 'Kontrahenci' AND x.Host = k.ID AND x.Typ = 1
)
WHERE """
_PRODUCTS = """
SELECT t.ID, t.Kod, t.Nazwa, t.Typ, t.Blokada, t.DefinicjaStawki, j.Kod
FROM dbo.Towary t LEFT JOIN dbo.Jednostki j ON j.ID = t.Jednostka
WHERE t.ID IN ({})"""
_BY_CODE = ("SELECT t.Kod, t.ID FROM dbo.Towary t WHERE t.Kod IN ({})",)
_BY_EAN = (
    "SELECT t.EAN, t.ID FROM dbo.Towary t WHERE t.EAN IN ({})",
    "SELECT b.Kod, b.Zapis FROM dbo.KodyKreskowe b WHERE b.ZapisType = 'Towary' AND b.Kod IN ({})",
)
_PRICES = (
    "SELECT c.Towar, c.NettoValue, c.BruttoValue, c.BruttoSymbol FROM dbo.Ceny c"
    " WHERE c.Definicja = ?{period} AND c.Towar IN ({{}}) ORDER BY c.ID"
)
#: A period may have no begin and no end.
_TODAY = (
    " AND (c.OkresFrom IS NULL OR c.OkresFrom <= ?)"
    " AND (c.OkresTo IS NULL OR c.OkresTo >= ? OR c.OkresTo <= ?)"
)
_RATES = "SELECT v.ID, v.Kod, v.StawkaProcent, v.StawkaStatus FROM dbo.DefStawekVat v"


@dataclass(frozen=True, kw_only=True)
class Product(ProductCard):
    """A product; the program finds it by its code."""


class EnovaCards(Cards[CustomerCard, Product]):
    """The card indexes, on one session. `one_off`: codes of contractors that are nobody's."""

    def __init__(self, lookup: Lookup, today: date, one_off: Iterable[str]) -> None:
        self._lookup = lookup
        self._today = today
        self._one_off = {folded(code) for code in one_off}
        #: Whether a document is counted as its buyer is set to.
        self.by_customer = False

    # Contractors

    def by_id(self, wanted: str) -> list[CustomerCard]:
        number = known_id(wanted)
        return self._customers("k.ID = ?", integer(number)) if number else []

    def by_code(self, code: str) -> list[CustomerCard]:
        return self._customers("k.Kod = ?", Param.of(code, "nvarchar(128)"))

    def by_tax_id(self, tax_id: str) -> list[CustomerCard]:
        """However either was typed: no index serves this, and only this finds it for certain."""
        spelled = compact_notations(tax_id)
        marks = ", ".join("?" * len(spelled))
        either = " OR ".join(f"{compact_sql(c)} IN ({marks})" for c in ("k.NIP", "k.EuVAT"))
        params = [Param.of(spelling, "nvarchar(40)") for spelling in spelled]
        wanted = typed_tax_id(tax_id)
        found = self._customers(f"({either})", *params, *params)
        return [customer for customer in found if customer.tax_id == wanted]

    def _customers(self, condition: str, *params: Param) -> list[CustomerCard]:
        rows = self._lookup.fetch(f"{_CUSTOMERS}{condition} ORDER BY k.ID", *params)
        found = [self._customer(row) for row in rows]
        return [customer for customer in found if folded(customer.code) not in self._one_off]

    def _customer(self, row: Sequence[Any]) -> CustomerCard:
        counted = {1: True, 2: False}.get(int(row[10] or 0))
        return CustomerCard(
            id=int(row[0]),
            code=text(row[1]),
            name=first_line(text(row[2])) or "",
            tax_id=typed_tax_id(typed(text(row[3]), text(row[4])), text(row[5])),
            blocked=_blocked(hidden=row[6], sales=row[7]),
            discount=amount(row[8]) * 100,
            eu_vat_payer=row[9] in {3, 4},
            from_net=counted if self.by_customer else None,
        )

    # Products

    def products(self, choices: Sequence[ProductChoice]) -> list[list[Product]]:
        return chosen_products(
            choices,
            codes=self._lookup.search(_BY_CODE, "nvarchar(100)"),
            eans=self._lookup.search(_BY_EAN, "nvarchar(130)"),
            read=self._products,
        )

    def _products(self, ids: Sequence[int]) -> dict[int, Product]:
        rows = self._lookup.fetch_in(_PRODUCTS, ids, "int")
        return {int(row[0]): _product(row) for row in rows}

    def prices(self, products: Iterable[Product], price_list: int) -> Mapping[int, ListedPrice]:
        """Those of today. What the program makes of them for this buyer only it can tell."""
        ids = [product.id for product in products]
        before = [Param.of(price_list, "int")]
        period = ""
        if self._lookup.has("Ceny", "OkresFrom") and self._lookup.has("Ceny", "OkresTo"):
            period = _TODAY.replace("?", self._lookup.dialect.placeholder(_DATETIME))
            before += [Param(day, _DATETIME) for day in (self._today, self._today, UNSET)]
        rows = self._lookup.fetch_in(_PRICES.format(period=period), ids, "int", *before)
        return {
            int(row[0]): ListedPrice(amount(row[1]), amount(row[2]), text(row[3]) or "PLN")
            for row in rows
        }

    def vat_rates(self) -> list[VatCard]:
        return [_rate(row) for row in self._lookup.fetch(_RATES)]

    def column(self, path: str) -> SqlType:
        """As the database has it; where it sets no bound, the contract's holds."""
        table, _, column = COLUMNS[f"OrderDraft.{path}"].rpartition(".")
        kind = self._lookup.catalogue.type_of(table, column)
        return kind if kind and kind.size else SqlType.parse(LIMITS[f"OrderDraft.{path}"])


_DATETIME = SqlType.parse("datetime")


def amount(value: Any) -> Decimal:
    """The value of an amount, a quantity or a fraction; NULL is 0."""
    return Decimal(f"{value or 0:.6f}")


def _blocked(*, hidden: Any, sales: Any) -> str:
    if sales:
        return "sales to the customer are blocked (blokada sprzedaży)"
    return "the customer is hidden (blokada)" if hidden else ""


def _product(row: Sequence[Any]) -> Product:
    unit = text(row[6])
    return Product(
        id=int(row[0]),
        code=text(row[1]),
        name=text(row[2]),
        is_service=row[3] == _SERVICE,
        blocked="the product is hidden (blokada)" if row[4] else "",
        unorderable="recipes can't be ordered" if row[3] == _RECIPE else "",
        vat=row[5],
        unit=unit,
        # Which other units a product has, and their factors, is in no table that is known.
        units={folded(unit): (unit, Decimal(1))},
    )


def _rate(row: Sequence[Any]) -> VatCard:
    known = rate_percent(row[2], row[3])
    return VatCard(id=row[0], code=text(row[1]), percent=known or Decimal(0), known=known)
