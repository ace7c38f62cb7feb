"""What a draft names, looked up in Subiekt nexo."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
from mostek_subiekt.nexo.conversion import vat_percent
from mostek_subiekt.nexo.limits import COLUMNS
from mostek_subiekt.orders.rows import amount

__all__ = ["NexoCards"]

_SELECT = """
SELECT p.Id, p.Sygnatura_PelnaSygnatura, p.NazwaSkrocona, COALESCE(NULLIF(p.NIP, ''), p.NIPUE), c.KodPanstwaUE,
    p.Aktywny, p.BlokadaWystawianiaDokumentow, p.PodatnikUE,
    (
        SELECT MIN(x.Id) FROM ModelDanychContainer.Cenniki x
        WHERE x.PoziomCen_Id = p.Podmiot_PoziomCen_Id AND x.Bazowy = 1
    )
FROM ModelDanychContainer.Podmioty p
LEFT JOIN ModelDanychContainer.Adresy_AdresPodmiotu a ON a.Id = (
    SELECT MIN(y.Id) FROM ModelDanychContainer.Adresy_AdresPodmiotu y WHERE y.PodmiotAdresuPodstawowego_Id = p.Id
)
LEFT JOIN ModelDanychContainer.Adresy b ON b.Id = a.Id
LEFT JOIN ModelDanychContainer.Panstwa c ON c.Id = b.Panstwo_Id
WHERE COALESCE(p.Jednorazowy, 0) = 0 AND (COALESCE(p.Typ, 0) <> 2 OR COALESCE(p.Podtyp, 0) <> 11) AND """
_MARKED = "p.Kontrahent = 1 AND "
_PRODUCTS = """
SELECT t.Id, t.Symbol, t.Nazwa, t.Rodzaj_Id, CAST(t.StawkaVatSprzedaz_Id AS nvarchar(36)), u.Symbol
FROM ModelDanychContainer.Asortymenty t
LEFT JOIN ModelDanychContainer.JednostkiMiarAsortymentow j ON j.Id = (
    SELECT MIN(x.Id) FROM ModelDanychContainer.JednostkiMiarAsortymentow x WHERE x.AsortymentPodstawowej_Id = t.Id
)
LEFT JOIN ModelDanychContainer.JednostkiMiar u ON u.Id = j.JednostkaMiary_Id
WHERE COALESCE(t.IsInRecycleBin, 0) = 0 AND t.Id IN ({})"""
_BY_CODE = ("SELECT t.Symbol, t.Id FROM ModelDanychContainer.Asortymenty t WHERE t.Symbol IN ({})",)
_BY_EAN = (
    "SELECT k.Kod, j.Asortyment_Id FROM ModelDanychContainer.KodyKreskowe k"
    " JOIN ModelDanychContainer.JednostkiMiarAsortymentow j ON j.Id = k.JednostkaMiaryAsortymentu_Id"
    " WHERE k.Kod IN ({})",
)
_PRICES = (
    "SELECT i.Asortyment_Id, i.CenaNetto, i.CenaBrutto, w.Symbol FROM ModelDanychContainer.PozycjeCennika i"
    " JOIN ModelDanychContainer.Cenniki c ON c.Id = i.Cennik_Id"
    " LEFT JOIN ModelDanychContainer.Waluty w ON w.Id = c.Waluta_Id"
    " WHERE i.Glowna = 1 AND c.Id = ? AND i.Asortyment_Id IN ({})"
)
_RATES = (
    "SELECT CAST(v.Id AS nvarchar(36)), v.Symbol, v.Stawka FROM ModelDanychContainer.StawkiVat v"
)

_SERVICE = 1
_SYMBOL = "nvarchar(64)"
_INACTIVE = "the customer is inactive"
_BLOCKED = "documents for the customer are blocked"


class NexoCards(Cards[CustomerCard, ProductCard]):
    """The card indexes, on one session. `marked`: customers are those marked as contractors."""

    def __init__(self, lookup: Lookup, *, marked: bool) -> None:
        self._lookup = lookup
        self._select = _SELECT + (_MARKED if marked else "")

    # Customers

    def by_id(self, wanted: str) -> list[CustomerCard]:
        number = known_id(wanted)
        return self._customers("p.Id = ?", integer(number)) if number else []

    def by_code(self, code: str) -> list[CustomerCard]:
        return self._customers("p.Sygnatura_PelnaSygnatura = ?", Param.of(code, _SYMBOL))

    def by_tax_id(self, tax_id: str) -> list[CustomerCard]:
        """However either was typed: no index serves this, and only this finds it for certain."""
        spelled = compact_notations(tax_id)
        marks = ", ".join("?" * len(spelled))
        either = " OR ".join(f"{compact_sql(c)} IN ({marks})" for c in ("p.NIP", "p.NIPUE"))
        params = [Param.of(spelling, "nvarchar(31)") for spelling in spelled]
        wanted = typed_tax_id(tax_id)
        found = self._customers(f"({either})", *params, *params)
        return [customer for customer in found if customer.tax_id == wanted]

    def _customers(self, condition: str, *params: Param) -> list[CustomerCard]:
        rows = self._lookup.fetch(f"{self._select}{condition} ORDER BY p.Id", *params)
        return [_customer(row) for row in rows]

    # Products

    def products(self, choices: Sequence[ProductChoice]) -> list[list[ProductCard]]:
        return chosen_products(
            choices,
            codes=self._lookup.search(_BY_CODE, _SYMBOL),
            eans=self._lookup.search(_BY_EAN, _SYMBOL),
            read=self._products,
        )

    def _products(self, ids: Sequence[int]) -> dict[int, ProductCard]:
        rows = self._lookup.fetch_in(_PRODUCTS, ids, "int")
        return {int(row[0]): _product(row) for row in rows}

    def prices(self, products: Iterable[ProductCard], price_list: int) -> Mapping[int, ListedPrice]:
        ids = [product.id for product in products]
        rows = self._lookup.fetch_in(_PRICES, ids, "int", integer(price_list))
        return {
            int(row[0]): ListedPrice(amount(row[1]), amount(row[2]), text(row[3]) or "PLN")
            for row in rows
        }

    def vat_rates(self) -> list[VatCard]:
        return [_rate(row) for row in self._lookup.fetch(_RATES)]

    def column(self, path: str) -> SqlType:
        _, table, column = COLUMNS[f"OrderDraft.{path}"].split(".")
        return self._lookup.type_of(table, column)


def _customer(row: Sequence[Any]) -> CustomerCard:
    blocked = _BLOCKED if row[6] else ""
    return CustomerCard(
        id=int(row[0]),
        code=text(row[1]),
        name=text(row[2]),
        tax_id=typed_tax_id(text(row[3]), text(row[4])),
        blocked=blocked or ("" if row[5] is None or row[5] else _INACTIVE),
        eu_vat_payer=bool(row[7]),
        price_list=row[8],
        # Discounts come from rules that only the program knows.
        discount=None,
    )


def _product(row: Sequence[Any]) -> ProductCard:
    unit = text(row[5])
    return ProductCard(
        id=int(row[0]),
        code=text(row[1]),
        name=text(row[2]),
        is_service=row[3] == _SERVICE,
        vat=_guid(row[4]),
        unit=unit,
        unorderable="" if text(row[1]) and unit else "it has no symbol or no basic unit",
        # The factors of other units are in no table that is known.
        units={folded(unit): (unit, Decimal(1))},
    )


def _rate(row: Sequence[Any]) -> VatCard:
    known = vat_percent(row[2], text(row[1]))
    return VatCard(id=_guid(row[0]), code=text(row[1]), percent=Decimal(known or 0), known=known)


def _guid(value: Any) -> str:
    return text(value).upper()
