"""An order as it would be recorded: what a draft came to after everything that it names was looked up."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from mostek.erp.v1.common_pb2 import (
    Party,
    PartyRole,
    PriceBasis,
    Reference,
    TransactionKind,
    VatRate,
)
from mostek.erp.v1.order_pb2 import DeliveryAddressDraft, Order, OrderLine
from mostek.plugin.orders.amounts import Amounts, by_rate, total
from mostek_subiekt.conversion import vat_percent
from mostek_subiekt.orders.customers import Customer
from mostek_subiekt.orders.new_customer import NewCustomer
from mostek_subiekt.orders.products import SERVICE, Product, Rate

__all__ = ["Chosen", "Plan", "PlannedLine"]

_BUYER, _RECIPIENT = PartyRole.PARTY_ROLE_BUYER, PartyRole.PARTY_ROLE_RECIPIENT


@dataclass(frozen=True)
class Chosen:
    """A customer that the draft names, and what it is to be created from if it is not there yet."""

    customer: Customer
    new: NewCustomer | None = None


@dataclass(frozen=True)
class PlannedLine:
    """A line, its prices per unit before discount."""

    product: Product
    quantity: Decimal
    unit: str
    base_quantity: Decimal
    net_price: Decimal
    gross_price: Decimal
    from_price_list: bool
    discount: Decimal
    rate: Rate
    amounts: Amounts
    remark: str

    @property
    def is_service(self) -> bool:
        return self.product.kind == SERVICE


@dataclass
class Plan:
    """What is not known because of a problem is absent; `lines` holds None for a line that has one."""

    external_number: str
    order_date: date
    from_net: bool = True
    from_sums: bool = True
    buyer: Chosen | None = None
    recipient: Chosen | None = None
    #: The frozen address of one of the recipient's delivery addresses.
    delivery: int | None = None
    delivery_address: DeliveryAddressDraft | None = None
    takes_delivery_address: bool = False
    warehouse: int = 0
    level: int = 0
    payment_form: int | None = None
    due: date | None = None
    delivery_date: date | None = None
    #: As the two columns hold them; a line break stood between them.
    remarks: tuple[str, str] = ("", "")
    products: list[Product | None] = field(default_factory=list)
    lines: list[PlannedLine | None] = field(default_factory=list)

    @property
    def known(self) -> list[PlannedLine]:
        return [line for line in self.lines if line is not None]

    @property
    def is_priced(self) -> bool:
        return bool(self.lines) and None not in self.lines

    def rates(self, *, services_only: bool = False) -> dict[int, Amounts]:
        """The amounts of each VAT rate, of all lines or of the services alone."""
        counted = [line for line in self.known if line.is_service or not services_only]
        return by_rate(
            ((line.rate.id, line.rate.percent, line.amounts) for line in counted),
            from_net=self.from_net,
            from_sums=self.from_sums,
        )

    def total(self) -> Amounts:
        return total(self.rates())

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
            remarks="\n".join(filter(None, self.remarks)) or None,
            lines=[_line(n, line) for n, line in enumerate(self.lines, 1) if line is not None],
        )
        self._add_references(order)
        if self.is_priced:
            amounts = self.total()
            order.net, order.vat, order.gross = map(money, _of(amounts))
        return order

    def _add_references(self, order: Order) -> None:
        if self.warehouse:
            order.warehouse.CopyFrom(Reference(id=str(self.warehouse)))
        if self.level:
            order.price_list.CopyFrom(Reference(id=str(self.level)))
        if self.payment_form:
            order.payment_method.CopyFrom(Reference(id=str(self.payment_form)))
        if self.due:
            order.payment_days = (self.due - self.order_date).days

    def _parties(self) -> list[Party]:
        roles = ((_BUYER, self.buyer), (_RECIPIENT, self.recipient))
        return [_party(role, chosen.customer) for role, chosen in roles if chosen]


def money(value: Decimal) -> str:
    """An amount as a money column gives it."""
    return f"{value:.4f}"


def _of(amounts: Amounts) -> tuple[Decimal, Decimal, Decimal]:
    return amounts.net, amounts.vat, amounts.gross


def _party(role: PartyRole.ValueType, customer: Customer) -> Party:
    return Party(
        role=role,
        customer_id=str(customer.id) if customer.id else None,
        customer_code=customer.code or None,
        name=customer.name or None,
    )


def _line(number: int, line: PlannedLine) -> OrderLine:
    known = vat_percent(line.rate.percent, line.rate.code)
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
