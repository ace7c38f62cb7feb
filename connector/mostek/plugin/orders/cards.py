"""What an order needs to know of the ERP's customers, products and VAT rates, and how a plugin looks them up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Generic, NamedTuple, TypeVar

from mostek.erp.v1.order_pb2 import ProductChoice
from mostek.plugin.sql_types import SqlType
from mostek.plugin.tax_ids import TypedTaxId

__all__ = ["Cards", "CustomerCard", "ListedPrice", "ProductCard", "VatCard", "folded"]


def folded(value: str) -> str:
    """As a Polish SQL Server compares texts: case and spaces at the end do not matter."""
    return value.rstrip().casefold()


@dataclass(frozen=True, kw_only=True)
class CustomerCard:
    """A customer. `id` is 0 until it is created.

    `blocked`: why nothing may be ordered for it, as a sentence; empty if it may. `discount`: percent off each line,
    None where the program's discount can't be told. `from_net`: what its prices are counted from, None where nothing
    tells.
    """

    id: int
    code: str
    name: str
    blocked: str = ""
    tax_id: TypedTaxId | None = None
    price_list: int | None = None
    discount: Decimal | None = Decimal(0)
    from_net: bool | None = None
    eu_vat_payer: bool = False


@dataclass(frozen=True, kw_only=True)
class ProductCard:
    """A product. `unit` is the base unit; `units`, by folded name, has each unit as the ERP writes it and its factor to
    the base unit.

    `blocked` and `unorderable`: why it may not, or can't, be ordered. `vat`: the id of its VAT rate. `has_discount`:
    the program has a discount of its own for it. `remarks`: what the program does with such a product, for a warning.
    """

    id: int
    code: str
    name: str
    unit: str
    vat: int | str | None = None
    is_service: bool = False
    blocked: str = ""
    unorderable: str = ""
    has_discount: bool = False
    remarks: tuple[str, ...] = ()
    units: Mapping[str, tuple[str, Decimal]] = field(default_factory=dict, compare=False)

    def unit_named(self, name: str) -> tuple[str, Decimal] | None:
        """A unit as the ERP writes it, and its factor."""
        return self.units.get(folded(name))


@dataclass(frozen=True)
class VatCard:
    """A VAT rate; `percent` is 0 for those that have none, `known` is None for them. A foreign one is not chosen by its
    code."""

    id: int | str
    code: str
    percent: Decimal
    known: Decimal | None
    foreign: bool = False


class ListedPrice(NamedTuple):
    """A price of a price list, per base unit; 0 where there is none."""

    net: Decimal
    gross: Decimal
    currency: str = "PLN"


C = TypeVar("C", bound=CustomerCard)
P = TypeVar("P", bound=ProductCard)


class Cards(ABC, Generic[C, P]):
    """Looks up what a draft names, on one session of the ERP's database."""

    @abstractmethod
    def by_id(self, wanted: str) -> list[C]:
        """The customer with that id, if it is an id at all."""

    @abstractmethod
    def by_code(self, code: str) -> list[C]:
        """The customers with that code."""

    @abstractmethod
    def by_tax_id(self, tax_id: str) -> list[C]:
        """The customers with that tax id, in whatever notation either is."""

    @abstractmethod
    def products(self, choices: Sequence[ProductChoice]) -> list[list[P]]:
        """For each choice the products that it means: none, one, or several. All are asked for at once."""

    @abstractmethod
    def prices(self, products: Iterable[P], price_list: int) -> Mapping[int, ListedPrice]:
        """The price list's prices, by the product's id; of list 0, which is none, what the ERP has without one."""

    @abstractmethod
    def vat_rates(self) -> list[VatCard]:
        """All that sales and products may have."""

    @abstractmethod
    def column(self, path: str) -> SqlType:
        """The type of the column that holds a field of `OrderDraft`: `external_number`, `remarks`, `buyer.code`,
        `lines.remark`, `lines.product.code`, `lines.product.ean`."""
