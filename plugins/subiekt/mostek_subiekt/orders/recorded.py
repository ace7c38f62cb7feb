"""Orders as Subiekt GT has them: found again by their external number (`dok_NrPelnyOryg`) or by id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mostek.erp.v1.order_pb2 import OrderDraft
from mostek.plugin.orders.recorded import (
    RecordedLine,
    RecordedOrder,
    WantedOrder,
    WantedProduct,
    same_order,
)
from mostek.plugin.sql_types import Param
from mostek_subiekt.orders.plan import Plan
from mostek_subiekt.orders.rows import Rows, amount, integer, text
from mostek_subiekt.orders.template import ORDER

__all__ = ["deviations", "read", "written_before"]

_SELECT = """
SELECT d.dok_Id, d.dok_NrPelny, d.dok_NrPelnyOryg, d.dok_PlatnikId, d.dok_WartNetto, d.dok_WartVat, d.dok_WartBrutto,
    h.adrh_Nazwa, h.adrh_NazwaPelna
FROM dbo.dok__Dokument d
LEFT JOIN dbo.adr_Historia h ON h.adrh_Id = d.dok_PlatnikAdreshId
WHERE d.dok_Typ = ? AND d.dok_Podtyp IN (0, 1) AND """
_LINES = (
    "SELECT ob_TowId, ob_Ilosc, ob_Jm, ob_CenaNetto, ob_CenaBrutto, ob_Rabat FROM dbo.dok_Pozycja"
    " WHERE ob_DokHanId = ? ORDER BY ob_DokHanLp"
)


def read(rows: Rows, number: int) -> RecordedOrder | None:
    """The order with this id."""
    found = _found(rows, "d.dok_Id = ?", integer(number))
    return found[0] if found else None


def written_before(rows: Rows, draft: OrderDraft, plan: Plan) -> RecordedOrder | None:
    """The order that an earlier call wrote for this draft.

    Raises Conflict, showing it, if the external number belongs to an order with another buyer or other lines.
    """
    if not plan.external_number:
        return None
    number = Param.of(plan.external_number, "varchar(30)")
    found = _found(rows, "d.dok_NrPelnyOryg = ?", number)
    products = [WantedProduct(one.id, one.unit) if one else None for one in plan.products]
    buyer = plan.buyer.customer.id if plan.buyer else None
    return same_order(found, WantedOrder(draft, plan.external_number, buyer, products))


def deviations(order: RecordedOrder, plan: Plan) -> list[str]:
    """The paths in `Order` of what the ERP recorded otherwise than planned."""
    amounts = plan.total()
    wanted = zip(("net", "vat", "gross"), (amounts.net, amounts.vat, amounts.gross), strict=True)
    found = [name for (name, value), is_ in zip(wanted, order.totals, strict=True) if value != is_]
    planned = [(line.product.id, line.quantity) for line in plan.known]
    if planned != [(line.product, line.quantity) for line in order.lines]:
        found.append("lines")
    return found


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
            )
            for line in lines
        ),
    )
