"""An order that the ERP has under an external number: is it the one that is asked for, or another one?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from mostek.erp.v1.order_pb2 import OrderDraft, OrderLineDraft
from mostek.plugin.orders.amounts import ZERO, line_amounts
from mostek.wire.failures import Conflict, Violation

__all__ = ["RecordedLine", "RecordedOrder", "WantedOrder", "WantedProduct", "same_order"]


@dataclass(frozen=True)
class RecordedLine:
    """A line as the ERP has it. `product` is its id; the quantity is in the line's unit.

    `prices` are `net` and `gross`, before discount, as far as the ERP tells. An ERP that keeps the value of a line and
    not its price as it was given tells `values` instead, after discount.
    """

    product: int | None
    quantity: Decimal
    unit: str
    prices: dict[str, Decimal]
    discount: Decimal
    values: dict[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True)
class RecordedOrder:
    """An order in the ERP, as far as it is compared; `totals` are net, VAT, gross."""

    id: int
    number: str
    external_number: str
    buyer: int | None
    buyer_names: tuple[str, ...]
    totals: tuple[Decimal, Decimal, Decimal]
    lines: tuple[RecordedLine, ...]


@dataclass(frozen=True)
class WantedProduct:
    """A product that a line names: its id and basic unit."""

    id: int
    unit: str


@dataclass(frozen=True)
class WantedOrder:
    """A draft, and what it came to: the external number as the ERP can hold it, the buyer's id (None: not there yet),
    the product of each line (None: not found)."""

    draft: OrderDraft
    external_number: str
    buyer: int | None
    products: Sequence[WantedProduct | None]


def same_order(found: Sequence[RecordedOrder], wanted: WantedOrder) -> RecordedOrder | None:
    """The order that an earlier call wrote for this draft, among those with its external number.

    Raises Conflict, telling in what they differ, if all have another buyer or other lines.
    """
    differences = [list(_differences(order, wanted)) for order in found]
    for order, differs in zip(found, differences, strict=True):
        if not differs:
            return order
    if found:
        raise _conflict(differences)
    return None


def _differences(order: RecordedOrder, wanted: WantedOrder) -> Iterator[str]:
    # The ERP compares without regard to case; two numbers of the caller's are two orders.
    if order.external_number != wanted.external_number:
        yield "external_number"
    if not _same_buyer(order, wanted):
        yield "buyer"
    lines = wanted.draft.lines
    if len(order.lines) != len(lines):
        yield "lines"
        return
    for number, (line, product) in enumerate(zip(lines, wanted.products, strict=True)):
        for name in _line_differences(order.lines[number], line, product):
            yield f"lines[{number}].{name}"


def _same_buyer(order: RecordedOrder, wanted: WantedOrder) -> bool:
    if wanted.buyer:
        return order.buyer == wanted.buyer
    buyer = wanted.draft.buyer
    new = buyer.draft
    # A draft without tax id and code names nobody whom it could be found by again.
    unnamed = buyer.WhichOneof("customer") == "draft" and not (new.tax_id or new.code)
    return unnamed and new.name.rstrip() in order.buyer_names


def _line_differences(
    line: RecordedLine, draft: OrderLineDraft, product: WantedProduct | None
) -> Iterator[str]:
    if product is None or line.product != product.id:
        yield "product"
        return
    if line.quantity != Decimal(draft.quantity):
        yield "quantity"
    if line.unit.casefold() != (draft.unit.rstrip() or product.unit).casefold():
        yield "unit"
    kind = draft.price.WhichOneof("price")
    if kind and kind not in line.prices and kind in line.values:
        if line.values[kind] != _value(draft, getattr(draft.price, kind)):
            yield "price"
        return
    # The ERP's own price may have changed since.
    if kind and kind in line.prices and line.prices[kind] != Decimal(getattr(draft.price, kind)):
        yield "price"
    if (kind or draft.HasField("discount")) and line.discount != Decimal(draft.discount or "0"):
        yield "discount"


def _value(draft: OrderLineDraft, price: str) -> Decimal:
    quantity, discount = Decimal(draft.quantity), Decimal(draft.discount or "0")
    return line_amounts(quantity, Decimal(price), discount, ZERO, from_net=True).net


def _conflict(differences: Iterable[list[str]]) -> Conflict:
    """Tells where it differs and nothing of what the ERP has there: the caller may not be allowed to see it."""
    paths = dict.fromkeys(name for names in differences for name in names)
    return Conflict(
        f"The external number belongs to another order, which differs in {', '.join(paths)}; ListOrders with this "
        "external number shows it. Give this order a number of its own.",
        violations=[Violation(f"order.{path}", "differs from the order found") for path in paths],
    )
