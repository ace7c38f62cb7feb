"""What WAPRO Mag's columns mean, in the contract's words. Functions that query files name, all in `CONVERTERS`.

Flags are `0` and `1`, as text or as numbers. They are given values of columns as the driver returns them, and answer
None for what tells nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from mostek.erp.v1.common_pb2 import PriceBasis, TransactionKind
from mostek.erp.v1.customer_pb2 import CustomerKind
from mostek.erp.v1.erp_pb2 import PaymentMethodKind
from mostek.erp.v1.invoice_pb2 import InvoiceState
from mostek.erp.v1.order_pb2 import DocumentWanted
from mostek.erp.v1.product_pb2 import ProductKind
from mostek.erp.v1.receivable_pb2 import ReceivableDirection, ReceivableKind
from mostek.plugin.clarion import clarion, day
from mostek.plugin.conversion import Converter
from mostek.plugin.converters import COMMON, whole_number

__all__ = ["CONVERTERS", "flag"]

# Small values


def flag(value: Any) -> bool:
    """Also of char(1), where a space is none."""
    return int((value.strip() if isinstance(value, str) else value) or 0) != 0


def not_flag(value: Any) -> bool:
    return not flag(value)


def whole(value: Any) -> int:
    return int(value)


def whole_numbers(texts: list[str]) -> list[int] | None:
    """Codes of customers, which are numbers; None if none of them can be one."""
    found = [number for number in map(whole_number, texts) if number is not None]
    return found or None


def day_if(number: Any, foreign: Any) -> date | None:
    """A rate's day, of a document in a foreign currency only."""
    return day(number) if flag(foreign) else None


def rate(value: Any, foreign: Any) -> Any:
    return value if flag(foreign) else 1


def currency_or_base(symbol: str) -> str:
    return symbol or "PLN"


def discount(percent: Any) -> Any:
    """Percents off are negative here; what is added to prices is no discount."""
    return -percent if percent < 0 else None


def only_discount(percent: Any, *others: Any) -> Any:
    """Of a line that has no other discounts: how several are put together is not known."""
    return None if percent is None or any(others) else discount(percent)


def vat_percent(percent: Any, code: str | None) -> Any:
    """Exempt (zw) and not subject (np) may hold a 0 that is no rate."""
    return percent if code and code.strip().isdigit() else None


def price_basis(text: str) -> PriceBasis.ValueType | None:
    return {
        "netto": PriceBasis.PRICE_BASIS_NET,
        "brutto": PriceBasis.PRICE_BASIS_GROSS,
    }.get(text.strip().lower())


# Amounts


def difference(gross: Any, net: Any) -> Any:
    return None if gross is None or net is None else _exact(gross) - _exact(net)


def total(net: Any, vat: Any) -> Any:
    return None if net is None or vat is None else _exact(net) + _exact(vat)


def net_value(basis: str | None, quantity: Any, price: Any, *discounts: Any) -> Any:
    """Of a document counted from net prices, where no discount is on the line: the sources do not agree whether the
    price is before or after it."""
    return _value("netto", basis, quantity, price, discounts)


def gross_value(basis: str | None, quantity: Any, price: Any, *discounts: Any) -> Any:
    """Of a document counted from gross prices, like net_value."""
    return _value("brutto", basis, quantity, price, discounts)


def _value(wanted: str, basis: str | None, quantity: Any, price: Any, discounts: Any) -> Any:
    if (basis or "").lower() != wanted or price is None or any(discounts):
        return None
    return (_exact(quantity) * _exact(price)).quantize(Decimal("0.01"), ROUND_HALF_UP)


def _exact(value: Any) -> Decimal:
    return Decimal(str(value))


# Cards


def customer_kind(tax_id: str | None, pesel: str | None) -> CustomerKind.ValueType | None:
    if tax_id:
        return CustomerKind.CUSTOMER_KIND_COMPANY
    return CustomerKind.CUSTOMER_KIND_CONSUMER if pesel else None


def product_kind(kind: str) -> ProductKind.ValueType | None:
    """The first letter is what documents keep of it."""
    return {
        "T": ProductKind.PRODUCT_KIND_GOODS,
        "U": ProductKind.PRODUCT_KIND_SERVICE,
    }.get(kind[:1].upper())


_METHODS = {
    "gotówka": PaymentMethodKind.PAYMENT_METHOD_KIND_CASH,
    "przelew": PaymentMethodKind.PAYMENT_METHOD_KIND_TRANSFER,
    "pobranie": PaymentMethodKind.PAYMENT_METHOD_KIND_ON_DELIVERY,
}


def payment_method_kind(name: str | None, terminal: Any) -> PaymentMethodKind.ValueType:
    if flag(terminal):
        return PaymentMethodKind.PAYMENT_METHOD_KIND_CARD
    words = (name or "").lower().split()
    found = _METHODS.get(words[0]) if words else None
    return found or PaymentMethodKind.PAYMENT_METHOD_KIND_OTHER


# Documents


def issued() -> InvoiceState.ValueType:
    """What is read is saved and out of the buffer; a mark of cancelled documents is not known."""
    return InvoiceState.INVOICE_STATE_ISSUED


def reverse_charge(value: Any) -> TransactionKind.ValueType | None:
    return TransactionKind.TRANSACTION_KIND_REVERSE_CHARGE if flag(value) else None


def document_wanted(value: Any) -> DocumentWanted.ValueType:
    if flag(value):
        return DocumentWanted.DOCUMENT_WANTED_INVOICE
    return DocumentWanted.DOCUMENT_WANTED_RECEIPT


# Settlements


def receivable_kind(opening: Any, document: str | None) -> ReceivableKind.ValueType:
    if flag(opening):
        return ReceivableKind.RECEIVABLE_KIND_OPENING
    if document == "h":
        return ReceivableKind.RECEIVABLE_KIND_INVOICE
    return ReceivableKind.RECEIVABLE_KIND_OTHER


def invoice() -> ReceivableKind.ValueType:
    return ReceivableKind.RECEIVABLE_KIND_INVOICE


def direction(side: str) -> ReceivableDirection.ValueType:
    if side == "WN":
        return ReceivableDirection.RECEIVABLE_DIRECTION_OWED_BY_CUSTOMER
    return ReceivableDirection.RECEIVABLE_DIRECTION_OWED_TO_CUSTOMER


CONVERTERS: Mapping[str, Converter] = COMMON | {
    function.__name__: function
    for function in (
        *(
            clarion,
            day,
            day_if,
            flag,
            not_flag,
            whole,
            whole_numbers,
            rate,
            currency_or_base,
            discount,
            only_discount,
        ),
        *(vat_percent, price_basis, difference, total, net_value, gross_value),
        *(customer_kind, product_kind, payment_method_kind, issued, reverse_charge),
        *(document_wanted, receivable_kind, invoice, direction),
    )
}
"""By the names that the query files use."""
