"""Products that a draft names, with their units, prices and VAT rates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from mostek.erp.v1.order_pb2 import ProductChoice
from mostek_subiekt.orders.customers import known_id
from mostek_subiekt.orders.rows import Rows, amount, text

__all__ = ["GOODS", "SERVICE", "SET", "Product", "Products", "Rate", "Rates"]

GOODS, SERVICE, SET = 1, 2, 8

_SELECT = """
SELECT tw_Id, tw_Symbol, tw_Nazwa, tw_Rodzaj, tw_Zablokowany, tw_JednMiary, tw_IdVatSp, tw_PKWiU, tw_KodTowaru,
    tw_GrupaJpkVat, tw_IdRabat, tw_DomyslnaKategoria, {more}
FROM dbo.tw__Towar WHERE tw_Usuniety = 0 AND """
_BY_CODE = "SELECT tw_Symbol, tw_Id FROM dbo.tw__Towar WHERE tw_Usuniety = 0 AND tw_Symbol IN ({})"
_BY_EAN = (
    "SELECT tw_PodstKodKresk, tw_Id FROM dbo.tw__Towar WHERE tw_Usuniety = 0 AND tw_PodstKodKresk IN ({})",
    "SELECT k.kk_Kod, k.kk_IdTowar FROM dbo.tw_KodKreskowy k"
    " JOIN dbo.tw__Towar t ON t.tw_Id = k.kk_IdTowar WHERE t.tw_Usuniety = 0 AND k.kk_Kod IN ({})",
)
_UNITS = "SELECT jm_IdTowar, jm_IdJednMiary, jm_Przelicznik FROM dbo.tw_JednMiary WHERE jm_IdTowar IN ({})"
_RATES = "SELECT vat_Id, vat_Symbol, vat_Stawka, vat_StawkaZagraniczna FROM dbo.sl_StawkaVAT"

#: What the program adds to a document for such a product and direct SQL does not.
_ADDED = {
    "tw_Akcyza": "excise duty",
    "tw_OplCukrowaPodlega": "the sugar fee",
    "tw_OplCukrowaKofeinaPodlega": "the sugar fee",
    "tw_ObjetySysKaucyjnym": "the deposit packaging",
}


@dataclass(frozen=True)
class Product:
    """A product, with its units: the base unit is the first, with the factor 1."""

    id: int
    code: str
    name: str
    kind: int
    blocked: bool
    unit: str
    vat_id: int | None
    pkwiu: str
    cn: str
    gtu: int | None
    has_discount: bool
    category: int | None
    added: tuple[str, ...]
    units: dict[str, tuple[str, Decimal]] = field(default_factory=dict, compare=False)

    def unit_named(self, name: str) -> tuple[str, Decimal] | None:
        """A unit as the ERP writes it and its factor to the base unit."""
        return self.units.get(_folded(name))


@dataclass(frozen=True)
class Rate:
    """A VAT rate; `percent` is 0 for those that have none."""

    id: int
    code: str
    percent: Decimal
    foreign: bool


class Products:
    """Looks products up, all that a draft names at once."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._added = [name for name in _ADDED if rows.has("tw__Towar", name)]

    def find(self, choices: Sequence[ProductChoice]) -> list[list[Product]]:
        """For each choice the products that it means: none, one, or several."""
        codes = self._ids(choices, "code", [_BY_CODE])
        eans = self._ids(choices, "ean", _BY_EAN)
        wanted = [_meant(choice, codes, eans) for choice in choices]
        products = self._by_id(number for numbers in wanted for number in numbers)
        return [
            [products[number] for number in numbers if number in products] for numbers in wanted
        ]

    def prices(
        self, products: Iterable[Product], level: int
    ) -> dict[int, tuple[Decimal, Decimal, str]]:
        """Net and gross price per base unit and the currency, by product; 0 where there is none."""
        sql = (
            f"SELECT tc_IdTowar, tc_CenaNetto{level:d}, tc_CenaBrutto{level:d}, tc_IdWaluta{level:d}"
            " FROM dbo.tw_Cena WHERE tc_IdTowar IN ({})"
        )
        found = self._rows.fetch_in(sql, [product.id for product in products], "int")
        return {row[0]: (amount(row[1]), amount(row[2]), text(row[3]) or "PLN") for row in found}

    def _ids(
        self, choices: Sequence[ProductChoice], kind: str, statements: Sequence[str]
    ) -> dict[str, set[int]]:
        values = [getattr(c, kind) for c in choices if c.WhichOneof("product") == kind]
        fitting = [value for value in values if len(value) <= 20]
        ids: dict[str, set[int]] = defaultdict(set)
        for sql in statements:
            for value, number in self._rows.fetch_in(sql, fitting, "varchar(20)"):
                ids[_folded(value)].add(int(number))
        return ids

    def _by_id(self, ids: Iterable[int]) -> dict[int, Product]:
        wanted = list(dict.fromkeys(ids))
        more = ", ".join(self._added) or "0"
        sql = _SELECT.format(more=more) + "tw_Id IN ({})"
        products = {row[0]: self._product(row) for row in self._rows.fetch_in(sql, wanted, "int")}
        for number, unit, factor in self._rows.fetch_in(_UNITS, wanted, "int"):
            if number in products:
                products[number].units.setdefault(_folded(unit), (text(unit), amount(factor)))
        return products

    def _product(self, row: Sequence[Any]) -> Product:
        added = [_ADDED[name] for name, value in zip(self._added, row[12:], strict=False) if value]
        unit = text(row[5])
        return Product(
            id=row[0],
            code=text(row[1]),
            name=text(row[2]),
            kind=row[3],
            blocked=bool(row[4]),
            unit=unit,
            vat_id=row[6],
            pkwiu=text(row[7]),
            cn=text(row[8]),
            gtu=row[9] if row[9] and row[9] > 0 else None,
            has_discount=row[10] is not None,
            category=row[11],
            added=tuple(dict.fromkeys(added)),
            units={_folded(unit): (unit, Decimal(1))},
        )


class Rates:
    """The VAT rates of the company."""

    def __init__(self, rows: Rows) -> None:
        self._all = [
            Rate(row[0], text(row[1]), amount(row[2]), bool(row[3])) for row in rows.fetch(_RATES)
        ]

    def by_id(self, number: int | None) -> Rate | None:
        return next((rate for rate in self._all if rate.id == number), None)

    def by_code(self, code: str) -> list[Rate]:
        """Poland's rates of that code."""
        return [r for r in self._all if _folded(r.code) == _folded(code) and not r.foreign]


def _meant(
    choice: ProductChoice, codes: dict[str, set[int]], eans: dict[str, set[int]]
) -> list[int]:
    match choice.WhichOneof("product"):
        case "id":
            number = known_id(choice.id)
            return [number] if number else []
        case "code":
            return sorted(codes.get(_folded(choice.code), ()))
        case _:
            return sorted(eans.get(_folded(choice.ean), ()))


def _folded(value: Any) -> str:
    """As the ERP compares texts: case and spaces at the end do not matter."""
    return text(value).casefold()
