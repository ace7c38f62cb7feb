"""What nexo's columns mean, in the contract's words. Functions that query files name, all in `CONVERTERS`.

They are given values of columns as the driver returns them, and answer None for what tells nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from mostek.erp.v1.common_pb2 import PartyRole
from mostek.erp.v1.customer_pb2 import CustomerKind
from mostek.erp.v1.invoice_pb2 import InvoiceKind, InvoiceState
from mostek.erp.v1.product_pb2 import ProductKind
from mostek.erp.v1.receivable_pb2 import ReceivableDirection, ReceivableKind
from mostek.plugin.conversion import Converter
from mostek.plugin.converters import COMMON

__all__ = ["CONVERTERS", "is_correction"]

_RECEIVABLE = 1


def full_name(
    name: str | None, first: str | None = None, last: str | None = None, short: str | None = None
) -> str | None:
    """A company's name, else a person's, else the short one."""
    person = " ".join(filter(None, (first, last)))
    return name or person or short or None


def customer_kind(company: int | None, tax_id: str | None) -> CustomerKind.ValueType:
    """Who has neither a row of companies nor a tax id is a private person."""
    if company or tax_id:
        return CustomerKind.CUSTOMER_KIND_COMPANY
    return CustomerKind.CUSTOMER_KIND_CONSUMER


_PRODUCT_KINDS = {
    1: ProductKind.PRODUCT_KIND_SERVICE,
    2: ProductKind.PRODUCT_KIND_GOODS,
    3: ProductKind.PRODUCT_KIND_PACKAGING,
    4: ProductKind.PRODUCT_KIND_SET,
}


def product_kind(kind: int) -> ProductKind.ValueType | None:
    return _PRODUCT_KINDS.get(kind)


def share_percent(share: Any) -> Any:
    """A share of 0 to 1 in per cent."""
    return None if share is None else Decimal(str(share)) * 100


def vat_percent(share: Any, code: str | None) -> Any:
    """Exempt (zw), not subject (np) and reverse charge (oo) hold a 0 that is no rate."""
    is_rate = code is None or any(c.isdigit() for c in code)
    return share_percent(share) if is_rate else None


def in_unit(done: Any, quantity: Any, base_quantity: Any) -> Any:
    """A quantity of the product's base unit in the line's own unit."""
    if done is None or not base_quantity:
        return done
    return Decimal(str(done)) * Decimal(str(quantity)) / Decimal(str(base_quantity))


_ROLES = {
    1: PartyRole.PARTY_ROLE_BUYER,
    2: PartyRole.PARTY_ROLE_RECIPIENT,
    3: PartyRole.PARTY_ROLE_PAYER,
}


def party_role(position: int) -> PartyRole.ValueType:
    return _ROLES[position]


def whole(number: Any) -> int:
    """The numbers that queries count kinds and states by are the contract's."""
    return int(number)


def is_correction(kind: Any) -> bool:
    return int(kind) == InvoiceKind.INVOICE_KIND_CORRECTION


def invoice_state(void: Any) -> InvoiceState.ValueType:
    return InvoiceState.INVOICE_STATE_CANCELLED if void else InvoiceState.INVOICE_STATE_ISSUED


def receivable_kind(is_sale: int) -> ReceivableKind.ValueType:
    if is_sale:
        return ReceivableKind.RECEIVABLE_KIND_INVOICE
    return ReceivableKind.RECEIVABLE_KIND_OTHER


def direction(kind: int) -> ReceivableDirection.ValueType:
    """`Rozrachunki.Typ`: 1 is a receivable, 2 a liability."""
    if kind == _RECEIVABLE:
        return ReceivableDirection.RECEIVABLE_DIRECTION_OWED_BY_CUSTOMER
    return ReceivableDirection.RECEIVABLE_DIRECTION_OWED_TO_CUSTOMER


def uncollectible(collectable: Any) -> bool:
    """`Sciagalny`; what is not said is collectable."""
    return collectable is not None and not collectable


CONVERTERS: Mapping[str, Converter] = COMMON | {
    function.__name__: function
    for function in (
        *(full_name, customer_kind, product_kind, share_percent, vat_percent, party_role),
        *(in_unit, whole, invoice_state, receivable_kind, direction, uncollectible),
    )
}
"""By the names that the query files use."""
