"""Orders as the ERP has them: found again by their external number, and compared with what was asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mostek.erp.v1.order_pb2 import OrderDraft, OrderLineDraft
from mostek.plugin.sql_types import Param
from mostek.wire.failures import Conflict, Violation
from mostek_subiekt.orders.plan import Plan
from mostek_subiekt.orders.products import Product
from mostek_subiekt.orders.rows import Rows, amount, integer, text
from mostek_subiekt.orders.template import ORDER

__all__ = ["Recorded", "deviations", "read", "written_before"]

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


@dataclass(frozen=True)
class RecordedLine:
    product: int | None
    quantity: Decimal
    unit: str
    prices: dict[str, Decimal]
    discount: Decimal


@dataclass(frozen=True)
class Recorded:
    """An order in the ERP, as far as it is compared."""

    id: int
    number: str
    external_number: str
    buyer: int | None
    buyer_names: tuple[str, str]
    totals: tuple[Decimal, Decimal, Decimal]
    lines: tuple[RecordedLine, ...]


def read(rows: Rows, number: int) -> Recorded | None:
    """The order with this id."""
    found = _found(rows, "d.dok_Id = ?", integer(number))
    return found[0] if found else None


def written_before(rows: Rows, draft: OrderDraft, plan: Plan) -> Recorded | None:
    """The order that an earlier call wrote for this draft.

    Raises Conflict, showing it, if the external number belongs to an order with another buyer or other lines.
    """
    if not plan.external_number:
        return None
    number = Param.of(plan.external_number, "varchar(30)")
    found = _found(rows, "d.dok_NrPelnyOryg = ?", number)
    differences = {order.number: list(_differences(order, draft, plan)) for order in found}
    for order in found:
        if not differences[order.number]:
            return order
    if found:
        raise _conflict(differences)
    return None


def deviations(order: Recorded, plan: Plan) -> list[str]:
    """The paths in `Order` of what the ERP recorded otherwise than planned."""
    amounts = plan.total()
    wanted = zip(("net", "vat", "gross"), (amounts.net, amounts.vat, amounts.gross), strict=True)
    found = [name for (name, value), is_ in zip(wanted, order.totals, strict=True) if value != is_]
    planned = [(line.product.id, line.quantity) for line in plan.known]
    if planned != [(line.product, line.quantity) for line in order.lines]:
        found.append("lines")
    return found


def _found(rows: Rows, condition: str, param: Param) -> list[Recorded]:
    found = rows.fetch(f"{_SELECT}{condition} ORDER BY d.dok_Id", integer(ORDER), param)
    return [_recorded(row, rows.fetch(_LINES, integer(row[0]))) for row in found]


def _recorded(row: Sequence[Any], lines: Sequence[Sequence[Any]]) -> Recorded:
    return Recorded(
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


def _differences(order: Recorded, draft: OrderDraft, plan: Plan) -> Iterator[str]:
    # The ERP compares without regard to case; two numbers of the caller's are two orders.
    if order.external_number != plan.external_number:
        yield "external_number"
    if not _same_buyer(order, draft, plan):
        yield "buyer"
    if len(order.lines) != len(draft.lines):
        yield "lines"
        return
    for number, line in enumerate(draft.lines):
        for name in _line_differences(order.lines[number], line, plan.products[number]):
            yield f"lines[{number}].{name}"


def _same_buyer(order: Recorded, draft: OrderDraft, plan: Plan) -> bool:
    if plan.buyer and plan.buyer.customer.id:
        return order.buyer == plan.buyer.customer.id
    new = draft.buyer.draft
    # A draft without tax id and code names nobody whom it could be found by again.
    unnamed = draft.buyer.WhichOneof("customer") == "draft" and not (new.tax_id or new.code)
    return unnamed and new.name.rstrip() in order.buyer_names


def _line_differences(
    line: RecordedLine, draft: OrderLineDraft, product: Product | None
) -> Iterator[str]:
    if product is None or line.product != product.id:
        yield "product"
        return
    if line.quantity != Decimal(draft.quantity):
        yield "quantity"
    if line.unit.casefold() != (draft.unit.rstrip() or product.unit).casefold():
        yield "unit"
    kind = draft.price.WhichOneof("price")
    # The ERP's own price may have changed since.
    if kind and line.prices[kind] != Decimal(getattr(draft.price, kind)):
        yield "price"
    if (kind or draft.HasField("discount")) and line.discount != Decimal(draft.discount or "0"):
        yield "discount"


def _conflict(differences: dict[str, list[str]]) -> Conflict:
    shown = "; ".join(
        f"{number} (it differs in {', '.join(names)})" for number, names in differences.items()
    )
    paths = dict.fromkeys(name for names in differences.values() for name in names)
    return Conflict(
        f"The external number belongs to another order: {shown}. Give this order a number of its own.",
        violations=[Violation(f"order.{path}", "differs from the order found") for path in paths],
    )
