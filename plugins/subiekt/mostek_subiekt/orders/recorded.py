"""Orders as Subiekt GT has them: found again by their external number (`dok_NrPelnyOryg`) or by id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mostek.plugin.orders.lookup import integer, text
from mostek.plugin.orders.recorded import (
    RecordedLine,
    RecordedOrder,
)
from mostek.plugin.sql_types import Param
from mostek_subiekt.orders.rows import Rows, amount
from mostek_subiekt.orders.template import ORDER

__all__ = ["by_external_number", "by_id"]

_SELECT = """
SELECT d.dok_Id, d.dok_NrPelny, d.dok_NrPelnyOryg, d.dok_PlatnikId, d.dok_WartNetto, d.dok_WartVat, d.dok_WartBrutto,
    h.adrh_Nazwa, h.adrh_NazwaPelna
FROM dbo.dok__Dokument d
LEFT JOIN dbo.adr_Historia h ON h.adrh_Id = d.dok_PlatnikAdreshId
WHERE d.dok_Typ = ? AND d.dok_Podtyp IN (0, 1) AND """
_LINES = (
    "SELECT ob_TowId, ob_Ilosc, ob_Jm, ob_CenaNetto, ob_CenaBrutto, ob_Rabat, ob_WartNetto, ob_WartBrutto"
    " FROM dbo.dok_Pozycja"
    " WHERE ob_DokHanId = ? ORDER BY ob_DokHanLp"
)


def by_id(rows: Rows, number: int) -> list[RecordedOrder]:
    """The order with this id."""
    return _found(rows, "d.dok_Id = ?", integer(number))


def by_external_number(rows: Rows, number: str) -> list[RecordedOrder]:
    """The orders with this `dok_NrPelnyOryg`."""
    return _found(rows, "d.dok_NrPelnyOryg = ?", Param.of(number, "varchar(30)"))


def _found(rows: Rows, condition: str, param: Param) -> list[RecordedOrder]:
    found = rows.fetch(f"{_SELECT}{condition} ORDER BY d.dok_Id", integer(ORDER), param)
    return [_recorded(row, rows.fetch(_LINES, integer(row[0]))) for row in found]


def _recorded(row: Sequence[Any], lines: Sequence[Sequence[Any]]) -> RecordedOrder:
    return RecordedOrder(
        id=row[0],
        number=text(row[1]),
        external_number=text(row[2]),
        buyer=row[3],
        totals=(amount(row[4]), amount(row[5]), amount(row[6])),
        buyer_names=(text(row[7]), text(row[8])),
        lines=tuple(
            RecordedLine(
                product=line[0],
                quantity=amount(line[1]),
                unit=text(line[2]),
                prices={"net": amount(line[3]), "gross": amount(line[4])},
                discount=amount(line[5]),
                values={"net": amount(line[6]), "gross": amount(line[7])},
            )
            for line in lines
        ),
    )
