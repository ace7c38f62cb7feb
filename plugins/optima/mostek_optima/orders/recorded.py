"""Orders (RO) as Optima has them: found again by their external number (`TrN_NumerObcy`) or by id."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from mostek.plugin.orders.lookup import Lookup, integer, text
from mostek.plugin.orders.recorded import RecordedLine, RecordedOrder
from mostek.plugin.sql_types import Param
from mostek_optima.orders.cards import amount

__all__ = ["by_external_number", "by_id"]

_SELECT = """
SELECT h.TrN_TrNID, h.TrN_NumerPelny, h.TrN_NumerObcy, h.TrN_PodID, h.TrN_PodmiotTyp, h.TrN_RazemNetto, h.TrN_RazemVAT,
    h.TrN_RazemBrutto, h.TrN_PodNazwa1, h.TrN_PodNazwa2, h.TrN_PodNazwa3
FROM CDN.TraNag h WHERE h.TrN_TypDokumentu = 308 AND """
_LINES = """
SELECT e.TrE_TwrId, e.TrE_Ilosc, e.TrE_IloscJM, e.TrE_Jm, e.TrE_JmZ, e.TrE_TypNB, e.TrE_Cena0WD, e.TrE_Rabat,
    e.TrE_WartoscNettoWal, e.TrE_WartoscBruttoWal
FROM CDN.TraElem e WHERE e.TrE_TrNId = ? AND e.TrE_UslugaZlozonaId = 0 ORDER BY e.TrE_Lp
"""
_CONTRACTOR = 1


def by_id(lookup: Lookup, number: int) -> list[RecordedOrder]:
    """The order with this id."""
    return _found(lookup, "h.TrN_TrNID = ?", integer(number))


def by_external_number(lookup: Lookup, number: str) -> list[RecordedOrder]:
    """The orders with this `TrN_NumerObcy`, cancelled ones too."""
    return _found(lookup, "h.TrN_NumerObcy = ?", Param.of(number, "varchar(256)"))


def _found(lookup: Lookup, condition: str, param: Param) -> list[RecordedOrder]:
    rows = lookup.fetch(f"{_SELECT}{condition} ORDER BY h.TrN_TrNID", param)
    return [_recorded(row, lookup.fetch(_LINES, integer(row[0]))) for row in rows]


def _recorded(row: Sequence[Any], lines: Sequence[Sequence[Any]]) -> RecordedOrder:
    names = tuple(map(text, row[8:11]))
    return RecordedOrder(
        id=int(row[0]),
        number=text(row[1]),
        external_number=text(row[2]),
        buyer=int(row[3]) if row[3] and row[4] == _CONTRACTOR else None,
        totals=(_money(row[5]), _money(row[6]), _money(row[7])),
        buyer_names=(names[0], " ".join(filter(None, names))),
        lines=tuple(_line(line) for line in lines),
    )


def _line(line: Sequence[Any]) -> RecordedLine:
    unit, other = text(line[3]), text(line[4])
    another = other not in {"", unit}
    return RecordedLine(
        product=int(line[0]) if line[0] else None,
        quantity=amount(line[2] if another else line[1]),
        unit=other if another else unit,
        prices={"net" if line[5] == 1 else "gross": amount(line[6])},
        discount=amount(line[7]),
        values={"net": _money(line[8]), "gross": _money(line[9])},
    )


def _money(value: Any) -> Decimal:
    return amount(value).quantize(Decimal("0.01"))
