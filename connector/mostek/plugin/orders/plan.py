"""An order as it would be recorded: what a draft came to after everything that it names was looked up."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Generic, TypeVar

from mostek.erp.v1.common_pb2 import (
    Party,
    PartyRole,
    PriceBasis,
    Reference,
    TransactionKind,
    VatRate,
)
from mostek.erp.v1.order_pb2 import DeliveryAddressDraft, Order, OrderDraft, OrderLine
from mostek.plugin.orders.amounts import Amounts, by_rate, total
from mostek.plugin.orders.cards import CustomerCard, ProductCard, VatCard
from mostek.plugin.orders.recorded import RecordedOrder, WantedOrder, WantedProduct

__all__ = ["Chosen", "Plan", "PlannedLine", "money"]

_BUYER, _RECIPIENT = PartyRole.PARTY_ROLE_BUYER, PartyRole.PARTY_ROLE_RECIPIENT

C = TypeVar("C", bound=CustomerCard)
P = TypeVar("P", bound=ProductCard)
N = TypeVar("N")


@dataclass(frozen=True)
class Chosen(Generic[C, N]):
    """A customer that the draft names, and what it is to be created from if it is not there yet."""

    customer: C
    new: N | None = None


@dataclass(frozen=True)
class PlannedLine(Generic[P]):
    """A line, its prices per unit before discount."""

    product: P
    quantity: Decimal
    unit: str
    base_quantity: Decimal
    net_price: Decimal
    gross_price: Decimal
    from_price_list: bool
    discount: Decimal
    rate: VatCard
    amounts: Amounts
    remark: str


@dataclass
class Plan(Generic[C, P, N]):
    """What is not known because of a problem is absent; `lines` holds None for a line that has one."""

    external_number: str
    order_date: date
    from_net: bool = True
    #: Whether the VAT is counted from the sum of the lines of a rate, or as the sum of theirs.
    from_sums: bool = True
    buyer: Chosen[C, N] | None = None
    recipient: Chosen[C, N] | None = None
    #: One of the recipient's delivery addresses.
    delivery: int | None = None
    delivery_address: DeliveryAddressDraft | None = None
    #: Whether the goods go to the recipient's own delivery address.
    takes_delivery_address: bool = False
    warehouse: int = 0
    #: Whether goods are to be held for it.
    reserve: bool = False
    series: str = ""
    price_list: int = 0
    payment_method: int | None = None
    due: date | None = None
    delivery_date: date | None = None
    remarks: str = ""
    products: list[P | None] = field(default_factory=list)
    lines: list[PlannedLine[P] | None] = field(default_factory=list)

    @property
    def known(self) -> list[PlannedLine[P]]:
        """The lines that have no problem."""
        return [line for line in self.lines if line is not None]

    @property
    def is_priced(self) -> bool:
        """Whether every line has its price, so that there is a total."""
        return bool(self.lines) and None not in self.lines

    def rates(self, *, services_only: bool = False) -> dict[int | str, Amounts]:
        """The amounts of each VAT rate, by its id, of all lines or of the services alone."""
        counted = [line for line in self.known if line.product.is_service or not services_only]
        return by_rate(
            ((line.rate.id, line.rate.percent, line.amounts) for line in counted),
            from_net=self.from_net,
            from_sums=self.from_sums,
        )

    def total(self) -> Amounts:
        """What the order comes to."""
        return total(self.rates())

    def wanted(self, draft: OrderDraft) -> WantedOrder:
        """What an order found under the external number is compared with."""
        products = [WantedProduct(one.id, one.unit) if one else None for one in self.products]
        buyer = self.buyer.customer.id if self.buyer else None
        return WantedOrder(draft, self.external_number, buyer, products)

    def deviations(self, order: RecordedOrder) -> list[str]:
        """The paths in `Order` of what the ERP recorded otherwise than planned."""
        amounts = self.total()
        wanted = zip(
            ("net", "vat", "gross"), (amounts.net, amounts.vat, amounts.gross), strict=True
        )
        found = [
            name for (name, value), is_ in zip(wanted, order.totals, strict=True) if value != is_
        ]
        planned = [(line.product.id, line.quantity) for line in self.known]
        if planned != [(line.product, line.quantity) for line in order.lines]:
            found.append("lines")
        return found

    def order(self) -> Order:
        """As the contract tells it, without id, number and state."""
        order = Order(
            external_number=self.external_number or None,
            order_date=self.order_date.isoformat(),
            delivery_date=self.delivery_date.isoformat() if self.delivery_date else None,
            parties=list(self._parties()),
            price_basis=PriceBasis.PRICE_BASIS_NET
            if self.from_net
            else PriceBasis.PRICE_BASIS_GROSS,
            transaction_kind=TransactionKind.TRANSACTION_KIND_DOMESTIC,
            currency="PLN",
            exchange_rate="1.0000",
            remarks=self.remarks or None,
            lines=[_line(n, line) for n, line in enumerate(self.lines, 1) if line is not None],
        )
        self._add_references(order)
        if self.is_priced:
            amounts = self.total()
            order.net, order.vat, order.gross = map(
                money, (amounts.net, amounts.vat, amounts.gross)
            )
        return order

    def _add_references(self, order: Order) -> None:
        if self.warehouse:
            order.warehouse.CopyFrom(Reference(id=str(self.warehouse)))
        if self.price_list:
            order.price_list.CopyFrom(Reference(id=str(self.price_list)))
        if self.payment_method:
            order.payment_method.CopyFrom(Reference(id=str(self.payment_method)))
        if self.due:
            order.payment_days = (self.due - self.order_date).days

    def _parties(self) -> list[Party]:
        roles = ((_BUYER, self.buyer), (_RECIPIENT, self.recipient))
        return [_party(role, chosen.customer) for role, chosen in roles if chosen]


def money(value: Decimal) -> str:
    """An amount as the contract has it."""
    return f"{value:.4f}"


def _party(role: PartyRole.ValueType, customer: CustomerCard) -> Party:
    return Party(
        role=role,
        customer_id=str(customer.id) if customer.id else None,
        customer_code=customer.code or None,
        name=customer.name or None,
    )


def _line(number: int, line: PlannedLine[P]) -> OrderLine:
    known = line.rate.known
    return OrderLine(
        line_number=number,
        product_id=str(line.product.id),
        product_code=line.product.code,
        name=line.product.name,
        quantity=money(line.quantity),
        unit=line.unit,
        net_price=money(line.net_price),
        gross_price=money(line.gross_price),
        discount=money(line.discount),
        vat_rate=VatRate(code=line.rate.code, percent=money(known) if known is not None else None),
        net=money(line.amounts.net),
        vat=money(line.amounts.vat),
        gross=money(line.amounts.gross),
        remark=line.remark or None,
    )
