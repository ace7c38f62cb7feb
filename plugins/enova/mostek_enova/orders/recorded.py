"""Orders as enova365 has them: found again by their external number (`ObcyNumer`) or by id."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from mostek.plugin.orders.lookup import Lookup, text
from mostek.plugin.orders.recorded import RecordedLine, RecordedOrder
from mostek.plugin.sql_types import Param
from mostek_enova.orders.cards import amount

__all__ = ["by_external_number", "by_id"]

_ORDERS = 302
_SELECT = """
SELECT d.ID, d.NumerPelny, d.ObcyNumer, d.Kontrahent, d.SumaNetto, d.SumaVAT, d.SumaBrutto, k.Nazwa, d.LiczonaOd
FROM dbo.DokHandlowe d LEFT JOIN dbo.Kontrahenci k ON k.ID = d.Kontrahent
WHERE d.Kategoria = ? AND """
_LINES = (
    "SELECT p.Towar, p.IloscValue, p.IloscSymbol, p.CenaValue, p.Rabat FROM dbo.PozycjeDokHan p"
    " WHERE p.Dokument = ? AND COALESCE(p.StatusPozycji, 0) = 0 ORDER BY p.Lp"
)
_SIDES = {1: "net", 2: "gross"}
#: Of the side that a document is not counted from, which is equal to no price that a draft gives.
_NO_PRICE = Decimal("NaN")


def by_id(lookup: Lookup, number: int) -> list[RecordedOrder]:
    """The order with this id."""
    return _found(lookup, "d.ID = ?", Param.of(number, "int"))


def by_external_number(lookup: Lookup, number: str) -> list[RecordedOrder]:
    """The orders with this `ObcyNumer`, cancelled ones too: a number that was used stays used."""
    return _found(lookup, "d.ObcyNumer = ?", Param.of(number, "nvarchar(64)"))


def _found(lookup: Lookup, condition: str, param: Param) -> list[RecordedOrder]:
    category = Param.of(_ORDERS, "int")
    rows = lookup.fetch(f"{_SELECT}{condition} ORDER BY d.ID", category, param)
    return [_order(row, lookup.fetch(_LINES, Param.of(row[0], "int"))) for row in rows]


def _order(row: Sequence[Any], lines: Sequence[Sequence[Any]]) -> RecordedOrder:
    side = _SIDES.get(int(row[8] or 0))
    return RecordedOrder(
        id=int(row[0]),
        number=text(row[1]),
        external_number=text(row[2]),
        buyer=row[3],
        buyer_names=(text(row[7]),),
        totals=(amount(row[4]), amount(row[5]), amount(row[6])),
        lines=tuple(
            RecordedLine(
                product=line[0],
                quantity=amount(line[1]),
                unit=text(line[2]),
                prices=_prices(side, amount(line[3])),
                discount=amount(line[4]) * 100,
            )
            for line in lines
        ),
    )


def _prices(side: str | None, price: Decimal) -> dict[str, Decimal]:
    return dict.fromkeys(_SIDES.values(), _NO_PRICE) | {side: price} if side else {}
