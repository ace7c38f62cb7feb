"""Products that a draft names, with their units, prices and VAT rates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mostek.erp.v1.order_pb2 import ProductChoice
from mostek.plugin.orders.cards import ListedPrice, ProductCard, VatCard, folded
from mostek.plugin.orders.choices import chosen_products
from mostek.plugin.orders.lookup import text
from mostek_subiekt.conversion import vat_percent
from mostek_subiekt.orders.rows import Rows, amount

__all__ = ["Product", "Products", "vat_rates"]

GOODS, SERVICE, SET = 1, 2, 8

_SELECT = """
SELECT tw_Id, tw_Symbol, tw_Nazwa, tw_Rodzaj, tw_Zablokowany, tw_JednMiary, tw_IdVatSp, tw_PKWiU, tw_KodTowaru,
    tw_GrupaJpkVat, tw_IdRabat, tw_DomyslnaKategoria, {more}
FROM dbo.tw__Towar WHERE tw_Usuniety = 0 AND """
_BY_CODE = (
    "SELECT tw_Symbol, tw_Id FROM dbo.tw__Towar WHERE tw_Usuniety = 0 AND tw_Symbol IN ({})",
)
_BY_EAN = (
    "SELECT tw_PodstKodKresk, tw_Id FROM dbo.tw__Towar WHERE tw_Usuniety = 0 AND tw_PodstKodKresk IN ({})",
    "SELECT k.kk_Kod, k.kk_IdTowar FROM dbo.tw_KodKreskowy k"
    " JOIN dbo.tw__Towar t ON t.tw_Id = k.kk_IdTowar WHERE t.tw_Usuniety = 0 AND k.kk_Kod IN ({})",
)
_UNITS = "SELECT jm_IdTowar, jm_IdJednMiary, jm_Przelicznik FROM dbo.tw_JednMiary WHERE jm_IdTowar IN ({})"
_RATES = "SELECT vat_Id, vat_Symbol, vat_Stawka, vat_StawkaZagraniczna FROM dbo.sl_StawkaVAT"

_KINDS = {GOODS, SERVICE, SET}
_BLOCKED = "the product is withdrawn (zablokowany)"
_OTHER_KIND = "returnable packaging and fees can't be ordered"
_REMARK = "the program adds {} to such a product, direct SQL does not"
#: What the program adds to a document for such a product and direct SQL does not.
_ADDED = {
    "tw_Akcyza": "excise duty",
    "tw_OplCukrowaPodlega": "the sugar fee",
    "tw_OplCukrowaKofeinaPodlega": "the sugar fee",
    "tw_ObjetySysKaucyjnym": "the deposit packaging",
}


@dataclass(frozen=True, kw_only=True)
class Product(ProductCard):
    """A product, with what a line copies from it."""

    kind: int
    pkwiu: str
    cn: str
    gtu: int | None
    category: int | None


class Products:
    """Looks products up, all that a draft names at once."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._added = [name for name in _ADDED if rows.has("tw__Towar", name)]

    def find(self, choices: Sequence[ProductChoice]) -> list[list[Product]]:
        """For each choice the products that it means: none, one, or several."""
        return chosen_products(
            choices,
            codes=self._rows.search(_BY_CODE, "varchar(20)"),
            eans=self._rows.search(_BY_EAN, "varchar(20)"),
            read=self._by_id,
        )

    def prices(self, products: Iterable[Product], level: int) -> dict[int, ListedPrice]:
        """The prices of that level, by product."""
        if not level:
            return {}
        sql = (
            f"SELECT tc_IdTowar, tc_CenaNetto{level:d}, tc_CenaBrutto{level:d}, tc_IdWaluta{level:d}"  # noqa: S608 - names of this plugin
            " FROM dbo.tw_Cena WHERE tc_IdTowar IN ({})"
        )
        found = self._rows.fetch_in(sql, [product.id for product in products], "int")
        return {
            row[0]: ListedPrice(amount(row[1]), amount(row[2]), text(row[3]) or "PLN")
            for row in found
        }

    def _by_id(self, wanted: Sequence[int]) -> dict[int, Product]:
        more = ", ".join(self._added) or "0"
        sql = _SELECT.format(more=more) + "tw_Id IN ({})"
        units: dict[int, dict[str, tuple[str, Decimal]]] = defaultdict(dict)
        for number, unit, factor in self._rows.fetch_in(_UNITS, wanted, "int"):
            units[number].setdefault(folded(unit), (text(unit), amount(factor)))
        found = self._rows.fetch_in(sql, wanted, "int")
        return {row[0]: self._product(row, units[row[0]]) for row in found}

    def _product(self, row: Sequence[Any], units: dict[str, tuple[str, Decimal]]) -> Product:
        added = [_ADDED[name] for name, value in zip(self._added, row[12:], strict=False) if value]
        unit = text(row[5])
        return Product(
            id=row[0],
            code=text(row[1]),
            name=text(row[2]),
            kind=row[3],
            is_service=row[3] == SERVICE,
            blocked=_BLOCKED if row[4] else "",
            unorderable="" if row[3] in _KINDS else _OTHER_KIND,
            unit=unit,
            vat=row[6],
            pkwiu=text(row[7]),
            cn=text(row[8]),
            gtu=row[9] if row[9] and row[9] > 0 else None,
            has_discount=row[10] is not None,
            category=row[11],
            remarks=tuple(_REMARK.format(name) for name in dict.fromkeys(added)),
            units={folded(unit): (unit, Decimal(1))}
            | {name: one for name, one in units.items() if name != folded(unit)},
        )


def vat_rates(rows: Rows) -> list[VatCard]:
    """The VAT rates of the company."""
    return [
        VatCard(
            id=row[0],
            code=text(row[1]),
            percent=amount(row[2]),
            known=vat_percent(amount(row[2]), text(row[1])),
            foreign=bool(row[3]),
        )
        for row in rows.fetch(_RATES)
    ]
