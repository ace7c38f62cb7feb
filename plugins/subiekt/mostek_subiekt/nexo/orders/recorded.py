"""Orders as Subiekt nexo has them: found again by their external number (`NumerZewnetrzny`) or by id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mostek.plugin.orders.lookup import Lookup, integer, text
from mostek.plugin.orders.recorded import RecordedLine, RecordedOrder
from mostek.plugin.sql_types import Param
from mostek_subiekt.orders.rows import amount

__all__ = ["by_external_number", "by_id"]

_SELECT = """
SELECT d.Id, d.NumerWewnetrzny_PelnaSygnatura, d.NumerZewnetrzny, d.PodmiotId, d.Wartosc_NettoPoRabacie,
    d.Wartosc_VatPoRabacie, d.Wartosc_BruttoPoRabacie, p.NazwaSkrocona
FROM ModelDanychContainer.Dokumenty d
LEFT JOIN ModelDanychContainer.Podmioty p ON p.Id = d.PodmiotId
WHERE d.Symbol IN ({symbols}) AND {condition} ORDER BY d.Id"""
_LINES = """
SELECT l.AsortymentAktualnyId, l.Ilosc, u.Symbol, l.Cena_NettoPrzedRabatem, l.Cena_BruttoPrzedRabatem,
    l.Cena_RabatProcent
FROM ModelDanychContainer.PozycjeDokumentu l
LEFT JOIN ModelDanychContainer.JednostkiMiarAsortymentow j ON j.Id = l.JednostkaMiaryAsId
LEFT JOIN ModelDanychContainer.JednostkiMiar u ON u.Id = j.JednostkaMiary_Id
WHERE l.Dokument_Id = ? ORDER BY l.LP"""


def by_id(lookup: Lookup, symbols: Sequence[str], number: int) -> list[RecordedOrder]:
    """The order with this id."""
    return _found(lookup, symbols, "d.Id = ?", integer(number))


def by_external_number(lookup: Lookup, symbols: Sequence[str], number: str) -> list[RecordedOrder]:
    """The orders with this `NumerZewnetrzny`."""
    return _found(lookup, symbols, "d.NumerZewnetrzny = ?", Param.of(number, "nvarchar(64)"))


def _found(
    lookup: Lookup, symbols: Sequence[str], condition: str, param: Param
) -> list[RecordedOrder]:
    sql = _SELECT.format(symbols=", ".join("?" * len(symbols)), condition=condition)
    params = [Param.of(symbol, "nvarchar(16)") for symbol in symbols]
    found = lookup.fetch(sql, *params, param)
    return [_recorded(row, lookup.fetch(_LINES, integer(row[0]))) for row in found]


def _recorded(row: Sequence[Any], lines: Sequence[Sequence[Any]]) -> RecordedOrder:
    return RecordedOrder(
        id=row[0],
        number=text(row[1]),
        external_number=text(row[2]),
        buyer=row[3],
        totals=(amount(row[4]), amount(row[5]), amount(row[6])),
        buyer_names=(text(row[7]),),
        lines=tuple(
            RecordedLine(
                product=line[0],
                quantity=amount(line[1]),
                unit=text(line[2]),
                prices={"net": amount(line[3]), "gross": amount(line[4])},
                discount=amount(line[5]) * 100,
            )
            for line in lines
        ),
    )
